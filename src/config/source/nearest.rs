//! The word that was probably meant.

/// How many letters must be added, dropped, changed or swapped with their neighbour to make `b` of
/// `a` (optimal string alignment); case does not count as a change of a whole letter.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut previous: Vec<usize> = (0..=b.len()).collect();
    let mut a_before = None;
    for (row, x) in a.chars().enumerate() {
        let mut current = vec![row + 1];
        let mut b_before = None;
        for (column, &y) in b.iter().enumerate() {
            let at = |line: &[usize], index: usize| line.get(index).copied().unwrap_or(usize::MAX);
            let same = x.eq_ignore_ascii_case(&y);
            let mut best = (at(&previous, column) + usize::from(!same))
                .min(at(&previous, column + 1) + 1)
                .min(at(&current, column) + 1);
            if a_before == Some(y) && b_before == Some(x) && column > 0 {
                best = best.min(at(&before, column - 1).saturating_add(1));
            }
            current.push(best);
            b_before = Some(y);
        }
        before = std::mem::replace(&mut previous, current);
        a_before = Some(x);
    }
    previous.last().copied().unwrap_or(usize::MAX)
}

/// The candidate that is nearest to `word`, if one is near enough to be a slip: a third of its
/// letters. The first of equals wins.
pub(super) fn nearest<'a>(
    word: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    let len = word.chars().count();
    if len > 64 {
        return None;
    }
    let limit = (len / 3).max(1);
    candidates
        .filter(|candidate| candidate.len().abs_diff(len) <= limit)
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|&(distance, _)| distance <= limit)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::{distance, nearest};

    #[test]
    fn distances_count_slips_of_the_finger() {
        assert_eq!(distance("priority", "priority"), 0);
        assert_eq!(distance("PRIORITY", "priority"), 0);
        assert_eq!(distance("prioirty", "priority"), 1);
        assert_eq!(distance("inteval", "interval"), 1);
        assert_eq!(distance("weigth", "weight"), 1);
        assert_eq!(distance("vvrp_script", "vrrp_script"), 1);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
    }

    #[test]
    fn only_a_near_word_is_proposed() {
        let words = ["priority", "interface", "state"];
        assert_eq!(nearest("prioritty", words.into_iter()), Some("priority"));
        assert_eq!(nearest("stat", words.into_iter()), Some("state"));
        assert_eq!(nearest("nonsense", words.into_iter()), None);
        assert_eq!(nearest("", words.into_iter()), None);
    }
}
