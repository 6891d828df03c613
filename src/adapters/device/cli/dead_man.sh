# Dead-man timer of one change, on the device itself. POSIX sh only.
#
#   $1 verb   claim | arm SECONDS | watch SECONDS | ask | keep | undo | clean
#
# The lines before this text set root, change and the functions running, apply and reload.
# Whoever makes the folder "decided" first decides about the change: the timer, keep or undo.
# Exit: 0 done, 10 another change is pending, 11 the configuration cannot be read, 12 the timer does not start,
# 13 the timer has decided, 14 no such change, 15 the base did not come back, 16 the private folder cannot be made.
umask 077
dir=$root/$change

alive() { # a folder: is the timer of this change waiting?
	pid=$(cat "$1/pid" 2>/dev/null) && [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null || return 1
	[ ! -r "/proc/$pid/cmdline" ] || tr '\0' ' ' <"/proc/$pid/cmdline" | grep -qF "$1/timer"
}

decide() { # a name: returns 0 when this name decides, now or before
	if mkdir "$dir/decided" 2>/dev/null; then echo "$1" >"$dir/decided/by"; fi
	tries=0
	until [ -s "$dir/decided/by" ] || [ "$tries" -ge 3 ]; do sleep 1; tries=$((tries + 1)); done
	[ "$(cat "$dir/decided/by" 2>/dev/null)" = "$1" ]
}

stop_timer() { # its own session, so the group holds nothing but the timer and its sleep
	alive "$dir" || return 0
	pid=$(cat "$dir/pid")
	kill -TERM "-$pid" 2>/dev/null || kill -TERM "$pid" 2>/dev/null
	return 0
}

at_base() {
	running >"$dir/now" 2>"$dir/words" && cmp -s "$dir/base" "$dir/now"
}

restore() {
	if at_base; then echo "unchanged" >"$dir/result"; return 0; fi
	apply "$dir/undo" >"$dir/words" 2>&1
	if at_base || { sleep 1; at_base; }; then echo "restored" >"$dir/result"; return 0; fi
	sed -e '/^Building configuration/d' -e '/^Current configuration/d' "$dir/base" >"$dir/base.conf"
	reload "$dir/base.conf" >"$dir/words" 2>&1
	if at_base || { sleep 1; at_base; }; then echo "restored" >"$dir/result"; return 0; fi
	echo "failed" >"$dir/result"
	return 15
}

forget_texts() { # configurations may hold secrets: they go as soon as nobody needs them
	rm -f "$dir/base" "$dir/base.conf" "$dir/now" "$dir/undo" "$dir/words"
}

case $1 in
claim) # refuses when any change is pending, sweeps what finished changes left
	mkdir -p "$root" && chmod 700 "$root" || exit 16
	for other in "$root"/*/; do
		other=${other%/}
		[ -d "$other" ] || continue
		if alive "$other"; then echo "${other##*/}" >&2; exit 10; fi
		rm -rf "$other"
	done
	mkdir "$dir" || exit 16
	;;
arm)
	running >"$dir/base" 2>"$dir/words" || { cat "$dir/words" "$dir/base" >&2; rm -rf "$dir"; exit 11; }
	if command -v setsid >/dev/null 2>&1; then
		setsid sh "$dir/timer" watch "$2" </dev/null >/dev/null 2>&1 &
	else
		nohup sh "$dir/timer" watch "$2" </dev/null >/dev/null 2>&1 &
	fi
	tries=0
	until [ -s "$dir/pid" ] && alive "$dir"; do
		tries=$((tries + 1))
		if [ "$tries" -gt 50 ]; then mkdir "$dir/decided" 2>/dev/null; rm -rf "$dir"; exit 12; fi
		sleep 0.1 2>/dev/null || sleep 1
	done
	cat "$dir/base"
	;;
watch)
	trap '' HUP
	echo $$ >"$dir/pid.new" && mv "$dir/pid.new" "$dir/pid"
	sleep "$2"
	decide timer || exit 0
	restore
	forget_texts
	;;
ask)
	[ ! -d "$dir/decided" ] && alive "$dir" || exit 13
	;;
keep)
	[ -d "$dir" ] || exit 14
	decide keep || { cat "$dir/result" 2>/dev/null; exit 13; }
	stop_timer
	;;
undo)
	[ -d "$dir" ] || exit 14
	if ! decide undo; then
		if [ "$(cat "$dir/decided/by" 2>/dev/null)" = timer ]; then
			tries=0
			until [ -s "$dir/result" ] || [ "$tries" -ge 60 ]; do sleep 1; tries=$((tries + 1)); done
			cat "$dir/result" 2>/dev/null
			[ "$(cat "$dir/result" 2>/dev/null)" = failed ] && exit 15
			exit 0
		fi
		exit 14
	fi
	stop_timer
	[ -s "$dir/base" ] || exit 14
	restore
	code=$?
	cat "$dir/result"
	exit "$code"
	;;
clean)
	stop_timer
	rm -rf "$dir"
	rmdir "$root" 2>/dev/null
	exit 0
	;;
esac
