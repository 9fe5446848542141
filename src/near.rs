//! Names that may have been meant by one that nothing has.
//!
//! ```text
//! nodejs20   →   nodejs20-slim, nodejs22-slim
//! ```

/// How many names are offered.
const MOST: usize = 3;
/// Characters of a name: the time and the memory of a comparison grow with them.
const LONGEST: usize = 256;

/// Finds up to three names that look like an unknown one, the closest first: a quarter of its letters may differ, or it is
/// what a longer name begins with; of six letters and more one may then differ.
pub fn find_near<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let length = name.chars().count();
    if length > LONGEST {
        return Vec::new();
    }
    // One letter of two is not almost the same name.
    let most = if length < 3 { 0 } else { (length / 4).max(1) };
    let mut near: Vec<(usize, usize, &str)> = names
        .into_iter()
        .filter_map(|known| {
            let distance = strsim::damerau_levenshtein(name, known);
            let begin: String = known.chars().take(length).collect();
            let from_begin = strsim::damerau_levenshtein(name, &begin);
            let goes_on = match length {
                0..=3 => false,
                4..=5 => from_begin == 0,
                _ => from_begin <= 1,
            };
            (distance <= most || goes_on).then_some((distance.min(from_begin), distance, known))
        })
        .collect();
    near.sort_unstable();
    near.dedup();
    near.into_iter()
        .take(MOST)
        .map(|(.., known)| known)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn case(name: &str, expected: &[&str]) {
        let names = [
            "nodejs20-slim",
            "nodejs22",
            "nodejs22-slim",
            "redis",
            "nginx",
        ];
        assert_eq!(find_near(name, names), expected);
    }

    #[test]
    fn near_names_differ_in_few_letters_or_begin_alike() {
        case("nodejs20", &["nodejs20-slim", "nodejs22", "nodejs22-slim"]);
        case("ngnix", &["nginx"]);
        case("postgres", &[]);
        case("r", &[]);
        case("nginy", &["nginx"]);
        // Two of five letters differ, and one of the four with which a longer name begins.
        case("nodes", &[]);
        case("node", &["nodejs22", "nodejs20-slim", "nodejs22-slim"]);
        case("note", &[]);
    }
}
