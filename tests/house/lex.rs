//! Rust text without its comments and literals, and what can be read off that.

/// Comments and the insides of literals become spaces; lines stay where they are.
pub(crate) fn code(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(here) = chars.get(at).copied() {
        let end = match here {
            '/' if chars.get(at + 1) == Some(&'/') => find(&chars, at, |rest| rest.starts_with(&['\n'])),
            '/' if chars.get(at + 1) == Some(&'*') => block_comment(&chars, at),
            '"' => quoted(&chars, at),
            '\'' => character(&chars, at),
            'r' | 'b' | 'c' if !follows_a_name(&chars, at) => raw(&chars, at),
            _ => at,
        };
        if end > at {
            out.extend(chars.get(at..end).unwrap_or(&[]).iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
            at = end;
        } else {
            out.push(here);
            at += 1;
        }
    }
    out
}

fn follows_a_name(chars: &[char], at: usize) -> bool {
    at.checked_sub(1).and_then(|before| chars.get(before)).is_some_and(|c| is_name(*c))
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn find(chars: &[char], from: usize, is_end: impl Fn(&[char]) -> bool) -> usize {
    (from..chars.len()).find(|at| is_end(chars.get(*at..).unwrap_or(&[]))).unwrap_or(chars.len())
}

fn block_comment(chars: &[char], from: usize) -> usize {
    let (mut depth, mut at) = (0_usize, from);
    while at < chars.len() {
        match (chars.get(at), chars.get(at + 1)) {
            (Some('/'), Some('*')) => depth += 1,
            (Some('*'), Some('/')) if depth == 1 => return at + 2,
            (Some('*'), Some('/')) => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
    }
    at
}

fn quoted(chars: &[char], from: usize) -> usize {
    let mut at = from + 1;
    while let Some(here) = chars.get(at) {
        match here {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    chars.len()
}

/// A character, or `from` for the tick of a lifetime.
fn character(chars: &[char], from: usize) -> usize {
    match (chars.get(from + 1), chars.get(from + 2)) {
        (Some('\\'), _) => find(chars, from + 3, |rest| rest.starts_with(&['\''])) + 1,
        (Some(_), Some('\'')) => from + 3,
        _ => from,
    }
}

/// `r"…"`, `r#"…"#` and their kin; `from` if none begins here.
fn raw(chars: &[char], from: usize) -> usize {
    let mut at = from;
    while matches!(chars.get(at), Some('b' | 'c')) && at < from + 1 {
        at += 1;
    }
    if chars.get(at) != Some(&'r') {
        return from;
    }
    at += 1;
    let hashes = chars.get(at..).unwrap_or(&[]).iter().take_while(|c| **c == '#').count();
    at += hashes;
    if chars.get(at) != Some(&'"') {
        return from;
    }
    let mut close = vec!['"'];
    close.extend(std::iter::repeat_n('#', hashes));
    find(chars, at + 1, |rest| rest.starts_with(&close)) + close.len()
}

/// Whether a word stands somewhere as a whole.
pub(crate) fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let before = text.get(..at).and_then(|part| part.chars().next_back());
        let after = text.get(at + word.len()..).and_then(|part| part.chars().next());
        !before.is_some_and(is_name) && !after.is_some_and(is_name)
    })
}

/// A function: its name, its first line (from 1) and how many of its lines hold code.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) line: usize,
    pub(crate) lines: usize,
}

/// All functions with a body in a text that [`code`] has cleaned.
pub(crate) fn functions(code: &str) -> Vec<Function> {
    let starts = code
        .match_indices("fn ")
        .filter(|(at, _)| !code.get(..*at).and_then(|part| part.chars().next_back()).is_some_and(is_name));
    starts.filter_map(|(at, _)| function(code, at)).collect()
}

fn function(code: &str, at: usize) -> Option<Function> {
    let rest = code.get(at..)?;
    let name: String = rest.get(3..)?.chars().take_while(|c| is_name(*c)).collect();
    let open = body(rest)?;
    let end = open + closing(rest.get(open..)?)?;
    let lines = rest.get(..end)?.lines().filter(|line| !line.trim().is_empty()).count();
    let line = code.get(..at)?.matches('\n').count() + 1;
    (!name.is_empty()).then_some(Function { name, line, lines })
}

/// Where the body opens; `None` for a signature only.
fn body(rest: &str) -> Option<usize> {
    let mut depth = 0_i32;
    for (at, c) in rest.char_indices() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            '{' if depth == 0 => return Some(at),
            ';' if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

/// Just past the brace that closes the one at the beginning.
pub(crate) fn closing(block: &str) -> Option<usize> {
    let mut depth = 0_i32;
    for (at, c) in block.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at + 1);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blanked_and_lines_stay() {
        let text = "a // \"x\n'b' \"c\\\" // d\" 'l r#\"e\"f\"# /* g /* h */\n i */ br\"j\" var\"k\"";
        let cleaned = code(text);
        assert_eq!(cleaned.matches('\n').count(), text.matches('\n').count());
        let words: Vec<&str> = cleaned.split_whitespace().collect();
        assert_eq!(words, ["a", "'l", "var"]);
    }

    #[test]
    fn functions_are_measured_without_comments_and_signatures_have_no_length() {
        let text = "trait T { fn bare(&self) -> [u8; 2]; }\nfn long(x: [u8; 3]) {\n    // said\n    a({ 1 });\n\n}\n";
        let found = functions(&code(text));
        assert_eq!(found, [Function { name: "long".to_owned(), line: 2, lines: 3 }]);
    }

    #[test]
    fn a_word_is_found_as_a_whole_only() {
        assert!(has_word("x: f64,", "f64"));
        assert!(!has_word("half64 f640", "f64"));
    }
}
