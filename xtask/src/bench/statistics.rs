//! The median of several rounds, and their spread.

/// The value in the middle, or between the two in the middle; none of nothing.
pub(super) fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(values[middle]),
        _ => Some(f64::midpoint(values[middle - 1], values[middle])),
    }
}

/// How far the outermost are apart, in parts of the median; none of fewer than two.
pub(super) fn spread(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let values: Vec<f64> = values.into_iter().collect();
    let middle = median(values.iter().copied()).filter(|middle| *middle > 0.0)?;
    let low = values.iter().copied().reduce(f64::min)?;
    let high = values.iter().copied().reduce(f64::max)?;
    (values.len() > 1).then_some((high - low) / middle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_does_not_mind_the_order_or_one_that_is_far_off() {
        let expected = [
            (vec![], None),
            (vec![3.0], Some(3.0)),
            (vec![9.0, 1.0, 2.0], Some(2.0)),
            (vec![4.0, 1.0, 1e9, 2.0], Some(3.0)),
        ];
        for (values, median_of) in expected {
            assert_eq!(median(values.clone()), median_of, "{values:?}");
        }
    }

    #[test]
    fn the_spread_is_relative_to_the_median() {
        assert_eq!(spread([8.0, 10.0, 12.0]), Some(0.4));
        assert_eq!(spread([8.0]), None);
        assert_eq!(spread([0.0, 0.0]), None);
    }
}
