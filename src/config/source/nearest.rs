//! The word that was probably meant.

/// Longer words are no slips of the finger: nothing is proposed for them.
const LONGEST: usize = 64;

/// How many letters must be added, dropped, changed or swapped with their neighbour to make `b` of
/// `a` (optimal string alignment), if no more than `limit`; case does not count as a change of a
/// whole letter. Most words of a table are given up at the third letter: a text that is all wrong
/// is compared with each of them often.
fn distance(a: &str, b: &str, limit: usize) -> Option<usize> {
    let mut before = [0; LONGEST + 1];
    let mut previous: [usize; LONGEST + 1] = std::array::from_fn(|column| column);
    let (mut a_before, mut least_before) = (None, 0);
    for (row, x) in a.chars().enumerate() {
        let mut current = [row + 1; LONGEST + 1];
        let (mut b_before, mut least) = (None, row + 1);
        for (column, y) in b.chars().take(LONGEST).enumerate() {
            let at = |line: &[usize], index: usize| line.get(index).copied().unwrap_or(usize::MAX);
            let same = x.eq_ignore_ascii_case(&y);
            let mut best = (at(&previous, column) + usize::from(!same))
                .min(at(&previous, column + 1) + 1)
                .min(at(&current, column) + 1);
            if a_before == Some(y) && b_before == Some(x) && column > 0 {
                best = best.min(at(&before, column - 1) + 1);
            }
            if let Some(cell) = current.get_mut(column + 1) {
                *cell = best;
            }
            least = least.min(best);
            b_before = Some(y);
        }
        // A swap looks two rows back.
        if least.min(least_before) > limit {
            return None;
        }
        before = std::mem::replace(&mut previous, current);
        (a_before, least_before) = (Some(x), least);
    }
    previous.get(b.chars().count()).copied().filter(|&distance| distance <= limit)
}

/// The letters of a word, a bit each: one that the other word does not have is a slip of its own.
fn letters(word: &str) -> u64 {
    word.chars().fold(0, |set, letter| set | 1 << (u32::from(letter.to_ascii_lowercase()) & 63))
}

/// The candidate that is nearest to `word`, if one is near enough to be a slip: a third of its
/// letters. The first of equals wins.
pub(super) fn nearest<'a>(
    word: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    let len = word.chars().count();
    if len > LONGEST {
        return None;
    }
    let limit = (len / 3).max(1);
    let known = letters(word);
    let has_few_others = |candidate: &str| {
        let letters = letters(candidate);
        let strange = (letters & !known).count_ones().max((known & !letters).count_ones());
        usize::try_from(strange).is_ok_and(|strange| strange <= limit)
    };
    candidates
        .filter(|candidate| candidate.len().abs_diff(len) <= limit && has_few_others(candidate))
        .filter_map(|candidate| Some((distance(word, candidate, limit)?, candidate)))
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::{distance, nearest};

    #[test]
    fn distances_count_slips_of_the_finger() {
        assert_eq!(distance("priority", "priority", 3), Some(0));
        assert_eq!(distance("PRIORITY", "priority", 3), Some(0));
        assert_eq!(distance("prioirty", "priority", 3), Some(1));
        assert_eq!(distance("inteval", "interval", 3), Some(1));
        assert_eq!(distance("weigth", "weight", 3), Some(1));
        assert_eq!(distance("vvrp_script", "vrrp_script", 3), Some(1));
        assert_eq!(distance("kitten", "sitting", 3), Some(3));
        assert_eq!(distance("", "abc", 3), Some(3));
        assert_eq!(distance("kitten", "sitting", 2), None);
        assert_eq!(distance("interface", "virtual", 3), None);
        // Two swaps far behind each other are within the limit in every row but one of two.
        assert_eq!(distance("rpiortiy", "priority", 2), Some(2));
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
