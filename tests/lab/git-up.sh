#!/usr/bin/env bash
# git-up.sh: serves bare git repositories with real servers on 127.0.0.1 and writes $LAB_DIR/git.json, which says how to
# reach them: smart HTTP (nginx, fcgiwrap, git-http-backend) with a token as password, and SSH (OpenSSH, git-shell) with a
# key. Repositories are folders NAME.git below `repositories`, made by `git init --bare`; pushes over HTTP need
# `git config http.receivepack true` in them. Stop it with git-down.sh. Parameters: LAB_DIR, LAB_PORT (lib.sh).
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lab/lib.sh
. "$here/lib.sh"
become_root "$@"

for program in nginx fcgiwrap sshd git; do
  command -v "$program" >/dev/null || die "$program is missing: run tests/lab/install.sh"
done
backend=$(git --exec-path)/git-http-backend
[ -x "$backend" ] || backend=/usr/lib/git-core/git-http-backend
[ -x "$backend" ] || die "git-http-backend is missing: run tests/lab/install.sh"

bash "$here/git-down.sh"
claim_lab_dir
trap 'status=$?; [ $status -eq 0 ] || { say "lab: start failed, see above; cleaning up"; bash "$here/git-down.sh"; }' EXIT
[ "$LAB_PORT" -ne 0 ] || LAB_PORT=$(free_ports 2)
http_port=$((LAB_PORT + 1)) ssh_port=$((LAB_PORT + 2))
# Everything runs as the user who started it, so that tests may make repositories directly.
uid=${SUDO_UID:-0} gid=${SUDO_GID:-0}
token=$(random_word)
mkdir -p "$LAB_DIR"/{repositories,http,etc,run/sshd}
new_key "$LAB_DIR/client_key" git-client
new_key "$LAB_DIR/host_key" git-server

http_config() {
  local name
  printf 'bot:%s\n' "$(TOKEN=$token perl -e 'print crypt($ENV{TOKEN}, "\$6\$reconverge\$")')" >"$LAB_DIR/http/users"
  echo "daemon off; pid $LAB_DIR/http/nginx.pid; error_log $LAB_DIR/http/error.log; worker_processes 1;"
  [ "$uid" -ne 0 ] || echo 'user root;'
  echo 'events { worker_connections 64; }'
  echo "http { access_log $LAB_DIR/http/access.log; client_max_body_size 0;"
  for name in client_body proxy fastcgi uwsgi scgi; do echo "  ${name}_temp_path $LAB_DIR/http/$name;"; done
  cat <<CONFIG
  server {
    listen 127.0.0.1:$http_port;
    location ~ ^/[^/]+\\.git/ {
      auth_basic git;
      auth_basic_user_file $LAB_DIR/http/users;
      include /etc/nginx/fastcgi_params;
      fastcgi_param SCRIPT_FILENAME $backend;
      fastcgi_param GIT_HTTP_EXPORT_ALL "";
      fastcgi_param GIT_PROJECT_ROOT $LAB_DIR/repositories;
      fastcgi_param PATH_INFO \$uri;
      fastcgi_param REMOTE_USER \$remote_user;
      fastcgi_param HTTP_GIT_PROTOCOL \$http_git_protocol;
      fastcgi_pass unix:$LAB_DIR/http/cgi.sock;
    }
  }
}
CONFIG
}

ssh_config() {
  cat <<CONFIG
Port $ssh_port
ListenAddress 127.0.0.1
HostKey $LAB_DIR/host_key
AuthorizedKeysFile $LAB_DIR/client_key.pub
AllowUsers git
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
AcceptEnv GIT_PROTOCOL
CONFIG
}

# start NAME COMMAND…: in the background, in a process group of its own.
start() {
  local name=$1
  shift
  setsid "$@" </dev/null >"$LAB_DIR/$name.log" 2>&1 &
  remember $!
}

listens() { ss -Hltn "src 127.0.0.1:$1" | grep -q .; }
has_socket() { [ -S "$LAB_DIR/http/cgi.sock" ]; }

http_config >"$LAB_DIR/http/nginx.conf"
ssh_config >"$LAB_DIR/sshd_config"
private_etc "$LAB_DIR/etc"
add_account "$LAB_DIR/etc" git "$uid" "$(command -v git-shell || echo /usr/bin/git-shell)" '*' ''
sed -i '/^git:/s|/home/git|/srv|' "$LAB_DIR/etc/passwd"
chown -R "$uid:$gid" "$LAB_DIR/repositories" "$LAB_DIR/http"
[ "$uid" -eq 0 ] || chown "$uid:$gid" "$LAB_DIR" "$LAB_DIR"/client_key*

start cgi setpriv --reuid "$uid" --regid "$gid" --clear-groups fcgiwrap -s "unix:$LAB_DIR/http/cgi.sock"
start nginx setpriv --reuid "$uid" --regid "$gid" --clear-groups nginx -c "$LAB_DIR/http/nginx.conf" -e "$LAB_DIR/http/error.log"
# The account `git` exists only for this server; in its sessions /srv is the folder of the repositories.
start sshd unshare --mount --propagation private sh -c "
  mount --bind '$LAB_DIR/etc' /etc && mount --bind '$LAB_DIR/run' /run && mount --bind '$LAB_DIR/repositories' /srv &&
  exec /usr/sbin/sshd -D -e -f '$LAB_DIR/sshd_config'"
wait_until 5 "the CGI server" has_socket
wait_until 5 "the HTTP server" listens "$http_port"
wait_until 5 "the SSH server" listens "$ssh_port"

cat >"$LAB_DIR/git.json.new" <<JSON
{
  "schema": 1,
  "dir": "$LAB_DIR",
  "repositories": "$LAB_DIR/repositories",
  "http": {"url": "http://127.0.0.1:$http_port", "user": "bot", "token": "$token"},
  "ssh": {"url": "ssh://git@127.0.0.1:$ssh_port/srv", "user": "git", "port": $ssh_port, "key": "$LAB_DIR/client_key",
          "host_key": "$(cut -d' ' -f1,2 "$LAB_DIR/host_key.pub")",
          "host_key_fingerprint": "$(fingerprint "$LAB_DIR/host_key.pub")"}
}
JSON
chown "$uid:$gid" "$LAB_DIR/git.json.new"
chmod 600 "$LAB_DIR/git.json.new"
mv "$LAB_DIR/git.json.new" "$LAB_DIR/git.json"
say "lab: git over HTTP and SSH, described in $LAB_DIR/git.json"
