//! Plan to ordered waves: canaries first, never two members of one redundancy group at the same time.

use std::collections::BTreeMap;

use crate::domain::name::DeviceName;

/// One device to be changed, with what decides its wave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The device.
    pub device: DeviceName,
    /// Its redundancy group (MLAG pair, VRRP group, route reflector pair), if it has one.
    pub redundancy_group: Option<String>,
    /// Whether the owner named it a canary.
    pub canary: bool,
}

/// How many devices a wave takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strategy {
    /// Devices of the first wave; 0 means no canary wave.
    pub canary: usize,
    /// Devices of every other wave; 0 means all at once.
    pub batch: usize,
}

/// Cuts devices into waves. Every device is in exactly one wave; named canaries come first.
pub fn rollout(candidates: &[Candidate], strategy: Strategy) -> Vec<Vec<DeviceName>> {
    let mut ordered: Vec<&Candidate> = candidates.iter().collect();
    ordered.sort_by(|a, b| b.canary.cmp(&a.canary).then_with(|| a.device.cmp(&b.device)));
    let size = |index: usize| match (index, strategy.canary, strategy.batch) {
        (0, canary, _) if canary > 0 => canary,
        (_, _, 0) => usize::MAX,
        (_, _, batch) => batch,
    };
    let mut waves: Vec<Vec<DeviceName>> = Vec::new();
    let mut taken: BTreeMap<(&str, usize), ()> = BTreeMap::new();
    for candidate in ordered {
        let mut index = 0;
        loop {
            let full = waves.get(index).is_some_and(|wave| wave.len() >= size(index));
            let beside = candidate.redundancy_group.as_deref().is_some_and(|group| taken.contains_key(&(group, index)));
            if !full && !beside {
                break;
            }
            index += 1;
        }
        if index == waves.len() {
            waves.push(Vec::new());
        }
        waves[index].push(candidate.device.clone());
        if let Some(group) = candidate.redundancy_group.as_deref() {
            taken.insert((group, index), ());
        }
    }
    waves
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(name: &str, group: &str) -> Candidate {
        Candidate {
            device: name.parse().unwrap(),
            redundancy_group: (!group.is_empty()).then(|| group.to_owned()),
            canary: false,
        }
    }

    fn waves(candidates: &[Candidate], canary: usize, batch: usize) -> Vec<Vec<String>> {
        let waves = rollout(candidates, Strategy { canary, batch });
        waves.into_iter().map(|wave| wave.into_iter().map(String::from).collect()).collect()
    }

    #[test]
    fn canary_then_batches() {
        let all: Vec<Candidate> = ["a", "b", "c", "d", "e"].iter().map(|name| candidate(name, "")).collect();
        assert_eq!(waves(&all, 1, 2), [vec!["a"], vec!["b", "c"], vec!["d", "e"]]);
        assert_eq!(waves(&all, 0, 0), [vec!["a", "b", "c", "d", "e"]]);
    }

    #[test]
    fn members_of_a_pair_never_share_a_wave() {
        let all = [candidate("a1", "a"), candidate("a2", "a"), candidate("b1", "b"), candidate("b2", "b")];
        assert_eq!(waves(&all, 0, 0), [vec!["a1", "b1"], vec!["a2", "b2"]]);
    }

    #[test]
    fn named_canaries_go_first() {
        let mut last = candidate("z", "");
        last.canary = true;
        assert_eq!(waves(&[candidate("a", ""), last], 1, 0), [vec!["z"], vec!["a"]]);
    }
}
