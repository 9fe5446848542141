//! Capital and small letters, as Python makes them of each other.

/// Begins every word with a capital; whatever is no letter ends a word.
pub(super) fn to_title(text: &str) -> String {
    let mut is_inside = false;
    let mut title = String::with_capacity(text.len());
    for character in text.chars() {
        if is_inside {
            title.extend(character.to_lowercase());
        } else {
            title.extend(begin_word(character));
        }
        is_inside = character.is_alphabetic();
    }
    title
}

/// Makes a letter the capital of a word: of letters that are two in one, only the first.
fn begin_word(letter: char) -> impl Iterator<Item = char> {
    let pair = match letter {
        'Ǆ' | 'ǆ' => Some('ǅ'),
        'Ǉ' | 'ǉ' => Some('ǈ'),
        'Ǌ' | 'ǌ' => Some('ǋ'),
        'Ǳ' | 'ǳ' => Some('ǲ'),
        _ => None,
    };
    let mut letters = letter.to_uppercase();
    let first = pair.or_else(|| letters.next());
    let rest = if pair.is_some() { None } else { Some(letters) };
    let rest = rest.into_iter().flatten().flat_map(char::to_lowercase);
    first.into_iter().chain(rest)
}

/// Begins a text with a capital, and makes the rest small.
pub(in crate::render) fn capitalize(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().into_iter().flat_map(begin_word);
    first
        .chain(letters.as_str().to_lowercase().chars())
        .collect()
}

pub(super) fn swap_case(text: &str) -> String {
    let swap = |c: char| {
        if c.is_uppercase() {
            c.to_lowercase().to_string()
        } else {
            c.to_uppercase().to_string()
        }
    };
    text.chars().map(swap).collect()
}
