//! Exhaustive exploration of the wave machine against a network that loses answers and fires timers at will.

use std::collections::{BTreeMap, BTreeSet};

use reconverge::domain::deploy::wave::{Action, Answer, Outcome, State, Wave};
use reconverge::domain::name::DeviceName;

/// What is really on a device.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Truth {
    intended: bool,
    timer: bool,
    /// Whether this device has a timer at all (classes A and B).
    has_timer: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct World {
    wave: Wave,
    truth: BTreeMap<DeviceName, Truth>,
    todo: Vec<(DeviceName, Action)>,
    confirm_trouble: bool,
    verify_failed: bool,
    timer_fired: bool,
    lost: bool,
}

/// Everything that can happen when an action is tried: the new truth and the answer.
fn possible(truth: &Truth, action: Action) -> Vec<(Truth, Answer)> {
    use Answer::{Done, Lost, Refused, SawBase, SawIntended};
    let same = truth.clone();
    let on = Truth { intended: true, timer: truth.has_timer, ..*truth };
    let kept = Truth { timer: false, ..*truth };
    let base = Truth { intended: false, timer: false, ..*truth };
    match action {
        Action::Stage | Action::Discard | Action::Verify => {
            vec![(same.clone(), Done), (same.clone(), Refused), (same, Lost)]
        }
        Action::Commit => vec![(on.clone(), Done), (same.clone(), Refused), (same, Lost), (on, Lost)],
        // Without an armed timer a class A or B device has already reverted: there is nothing to confirm.
        Action::Confirm if truth.has_timer && !truth.timer => vec![(same.clone(), Refused), (same, Lost)],
        Action::Confirm => vec![(kept.clone(), Done), (same.clone(), Refused), (same, Lost), (kept, Lost)],
        Action::Rollback => vec![(base.clone(), Done), (same.clone(), Refused), (same, Lost), (base, Lost)],
        // Observation waits until the confirm deadline: an armed timer has fired by then.
        Action::Observe => {
            let after = if truth.timer { base } else { same };
            let saw = if after.intended { SawIntended } else { SawBase };
            vec![(after, saw)]
        }
    }
}

fn start(timers: &[bool]) -> World {
    let names: Vec<DeviceName> = (0..timers.len()).map(|n| format!("d{n}").parse().unwrap()).collect();
    let truth = names
        .iter()
        .cloned()
        .zip(timers)
        .map(|(name, timer)| (name, Truth { intended: false, timer: false, has_timer: *timer }));
    World {
        wave: Wave::new(names.clone()),
        truth: truth.collect(),
        todo: Vec::new(),
        confirm_trouble: false,
        verify_failed: false,
        timer_fired: false,
        lost: false,
    }
}

fn check_end(world: &World, outcome: Outcome) {
    for (device, state) in world.wave.states() {
        let truth = &world.truth[&device];
        match state {
            State::Confirmed => assert!(truth.intended && !truth.timer, "{world:?}"),
            State::Restored => assert!(!truth.intended && !truth.timer, "{world:?}"),
            State::Stuck => {}
            other => panic!("{other:?} is not an end: {world:?}"),
        }
    }
    if world.verify_failed {
        assert!(matches!(outcome, Outcome::RolledBack | Outcome::Stuck), "{outcome:?} {world:?}");
    }
    if outcome == Outcome::Split {
        assert!(world.confirm_trouble, "a split without trouble at confirm: {world:?}");
    }
    if !world.lost && !world.confirm_trouble && !world.timer_fired {
        assert!(matches!(outcome, Outcome::Applied | Outcome::RolledBack | Outcome::Stuck), "{world:?}");
    }
}

/// Explores every world and returns how many there were and how they ended.
fn explore(timers: &[bool]) -> (usize, BTreeMap<Outcome, usize>) {
    let mut seen = BTreeSet::new();
    let mut outcomes = BTreeMap::new();
    let mut stack = vec![start(timers)];
    while let Some(mut world) = stack.pop() {
        if !seen.insert(world.clone()) {
            continue;
        }
        assert!(seen.len() < 3_000_000, "the exploration does not end");
        if world.todo.is_empty() {
            if let Some(outcome) = world.wave.outcome() {
                *outcomes.entry(outcome).or_default() += 1;
                check_end(&world, outcome);
                continue;
            }
            let before = world.wave.states();
            world.todo = world.wave.next_actions();
            assert!(!world.todo.is_empty() || world.wave.outcome().is_some(), "no progress: {world:?}");
            if world.todo.is_empty() {
                stack.push(world);
                continue;
            }
            if world.todo.iter().any(|(_, action)| *action == Action::Confirm) {
                assert!(
                    before.values().all(|state| *state == State::Verified || *state == State::Confirmed),
                    "{before:?}"
                );
            }
        }
        let devices: Vec<DeviceName> = world.truth.keys().cloned().collect();
        for device in devices {
            if world.truth[&device].timer {
                let mut fired = world.clone();
                let truth = fired.truth.get_mut(&device).unwrap();
                (truth.intended, truth.timer) = (false, false);
                fired.timer_fired = true;
                stack.push(fired);
            }
        }
        let (device, action) = world.todo[0].clone();
        for (truth, answer) in possible(&world.truth[&device], action) {
            let mut next = world.clone();
            next.todo.remove(0);
            next.truth.insert(device.clone(), truth);
            next.lost |= answer == Answer::Lost;
            next.confirm_trouble |= action == Action::Confirm && answer != Answer::Done;
            next.verify_failed |= action == Action::Verify && answer != Answer::Done;
            next.wave.record(&device, action, answer);
            stack.push(next);
        }
    }
    (seen.len(), outcomes)
}

#[test]
fn every_path_ends_in_a_state_that_is_true_on_the_device() {
    for timers in [&[true][..], &[false], &[true, true], &[true, false], &[false, false]] {
        let (worlds, outcomes) = explore(timers);
        println!("timers {timers:?}: {worlds} worlds, {outcomes:?}");
        assert!(outcomes[&Outcome::Applied] > 0 && outcomes[&Outcome::RolledBack] > 0);
        if timers.iter().all(|timer| *timer) {
            assert!(!outcomes.contains_key(&Outcome::Stuck), "with timers everywhere nothing is ever stuck");
        }
    }
}

#[test]
fn three_devices_with_timers() {
    let (worlds, outcomes) = explore(&[true, true, true]);
    println!("{worlds} worlds, {outcomes:?}");
    assert!(!outcomes.contains_key(&Outcome::Stuck));
}

#[test]
fn an_abort_before_the_first_confirm_turns_the_wave_around() {
    let mut wave = Wave::new(["a".parse().unwrap()]);
    for action in [Action::Stage, Action::Commit] {
        let next = wave.next_actions();
        assert_eq!(next[0].1, action);
        wave.record(&next[0].0, action, Answer::Done);
    }
    wave.retreat();
    assert_eq!(wave.next_actions()[0].1, Action::Rollback);
}
