//! Spans in rows, so that in each row one is inside of another or behind it: what the viewers of traces can draw.

use std::time::Instant;

/// Anything with a beginning and an end.
pub(super) trait Span {
    /// Whether another one may be drawn inside: not where there are parts of its own, which that one might cross.
    const HOLDS: bool;

    fn began(&self) -> Instant;
    fn ended(&self) -> Instant;
}

/// The row of each span; the spans are put in the order of their beginnings, the longer of two that begin together first.
pub(super) fn arrange<S: Span>(spans: &mut [S]) -> Vec<usize> {
    spans.sort_by(|one, other| one.began().cmp(&other.began()).then(other.ended().cmp(&one.ended())));
    // The ends of what is open in each row, the innermost last.
    let mut rows: Vec<Vec<Instant>> = Vec::new();
    let mut place = |span: &S| {
        let (began, ended) = (span.began(), span.ended());
        for open in &mut rows {
            while open.last().is_some_and(|end| *end <= began) {
                open.pop();
            }
        }
        let has_room = |open: &Vec<Instant>| open.last().is_none_or(|end| S::HOLDS && *end >= ended);
        let row = rows.iter().position(has_room).unwrap_or_else(|| {
            rows.push(Vec::new());
            rows.len() - 1
        });
        rows[row].push(ended);
        row
    };
    spans.iter().map(&mut place).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    struct Lasting<const HOLDS: bool>(Instant, Instant);

    impl<const HOLDS: bool> Span for Lasting<HOLDS> {
        const HOLDS: bool = HOLDS;

        fn began(&self) -> Instant {
            self.0
        }

        fn ended(&self) -> Instant {
            self.1
        }
    }

    fn check<const HOLDS: bool>(spans: &[(u64, u64)], expected: &[usize]) {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut lasting: Vec<_> = spans.iter().map(|(from, to)| Lasting::<HOLDS>(at(*from), at(*to))).collect();
        assert_eq!(arrange(&mut lasting), expected, "{spans:?}");
    }

    #[test]
    fn what_has_parts_of_its_own_has_its_row_alone() {
        check::<false>(&[(0, 10), (2, 5), (3, 4), (6, 7), (10, 11)], &[0, 1, 2, 1, 0]);
    }

    #[test]
    fn rows_hold_what_is_nested_or_apart() {
        let check = check::<true>;
        check(&[], &[]);
        check(&[(0, 1), (1, 2), (5, 5)], &[0, 0, 0]);
        check(&[(0, 10), (2, 5), (3, 4), (6, 7)], &[0, 0, 0, 0]);
        check(&[(0, 5), (3, 8), (4, 9), (9, 10)], &[0, 1, 2, 0]);
        check(&[(3, 8), (0, 5)], &[0, 1]);
        check(&[(0, 1), (0, 9), (0, 9)], &[0, 0, 0]);
    }

    #[test]
    fn spans_of_any_kind_never_cross_in_a_row() {
        let start = Instant::now();
        // A linear congruence: any order of beginnings and lengths, the same each time.
        let mut state = 7_u64;
        let mut random = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % below
        };
        let mut spans: Vec<_> = (0..500)
            .map(|_| {
                let began = start + Duration::from_millis(random(200));
                Lasting::<true>(began, began + Duration::from_millis(random(30)))
            })
            .collect();
        let rows = arrange(&mut spans);
        for (at, one) in spans.iter().enumerate() {
            for (other, row) in spans[at + 1..].iter().zip(&rows[at + 1..]) {
                let crosses = other.0 < one.1 && other.1 > one.1;
                assert!(*row != rows[at] || !crosses);
            }
        }
    }
}
