//! Rust as far as the checks need it: what is code, comment and text, which lines only tests see, and which
//! paths are named.
//!
//! This is no parser. It knows the shapes that rustfmt leaves behind, and that is enough for rules about
//! names; types and macros are the compiler's business.

/// A Rust file in three layers of equal shape: each has the lines of the file, with what belongs to the other
/// layers blanked out.
#[derive(Debug)]
pub(crate) struct Rust {
    /// Code. Of string literals only the quotes are left.
    pub(crate) code: String,
    /// Comments.
    pub(crate) comments: String,
    /// What string literals say.
    pub(crate) strings: String,
    /// For each line, from 0: whether only tests see it.
    tests: Vec<bool>,
    test_modules: Vec<String>,
}

impl Rust {
    pub(crate) fn of(text: &str) -> Self {
        let (code, comments, strings) = layers(text);
        let mut tests = vec![false; text.lines().count() + 1];
        let mut test_modules = Vec::new();
        for (start, _) in code.match_indices("#[cfg(test)]") {
            let end = item_end(&code, start);
            let item = &code[start..end];
            let declared = item.trim_end_matches(';').rsplit_once("mod ").map(|(_, name)| name.trim());
            if let Some(name) = declared.filter(|_| item.ends_with(';')) {
                test_modules.push(name.to_owned());
            }
            let (first, last) = (line_of(&code, start), line_of(&code, end));
            tests[first - 1..last.min(text.lines().count())].fill(true);
        }
        Self { code, comments, strings, tests, test_modules }
    }

    /// Whether only tests see a line, counted from 1.
    pub(crate) fn is_test(&self, line: usize) -> bool {
        self.tests.get(line - 1).copied().unwrap_or(false)
    }

    pub(crate) fn mark_as_test(&mut self) {
        self.tests.fill(true);
    }

    /// The modules in files of their own that are declared for tests only.
    pub(crate) fn test_modules(&self) -> impl Iterator<Item = &str> {
        self.test_modules.iter().map(String::as_str)
    }

    /// Every path that is named, with its line; groups in braces are written out.
    pub(crate) fn paths(&self) -> Vec<(usize, String)> {
        let tokens = tokens(&self.code);
        let mut paths = Vec::new();
        let mut at = 0;
        while at < tokens.len() {
            at = path(&tokens, at, "", &mut paths);
        }
        paths
    }
}

/// The line of an offset, from 1.
pub(crate) fn line_of(text: &str, offset: usize) -> usize {
    text[..offset].bytes().filter(|byte| *byte == b'\n').count() + 1
}

/// Whether a character can be part of a name.
pub(crate) fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

#[derive(Clone, Copy, PartialEq)]
enum Layer {
    Code,
    Comment,
    Text,
}

/// Splits a file into its layers.
fn layers(text: &str) -> (String, String, String) {
    let mut layers = [String::new(), String::new(), String::new()];
    let mut put = |piece: &str, layer: Layer| {
        for letter in piece.chars() {
            for (place, text) in layers.iter_mut().enumerate() {
                let own = place == layer as usize;
                text.push(if own || letter == '\n' { letter } else { ' ' });
            }
        }
    };
    let mut rest = text;
    let mut before = ' ';
    while let Some(first) = rest.chars().next() {
        let (len, layer) = if rest.starts_with("//") {
            (rest.find('\n').unwrap_or(rest.len()), Layer::Comment)
        } else if rest.starts_with("/*") {
            (block_len(rest), Layer::Comment)
        } else if let Some((open, len)) = string_len(rest).filter(|_| !is_word(before)) {
            // The quotes stay code, so that `#[ignore = ""]` still shows that there is a reason.
            put(&rest[..open], Layer::Code);
            put(&rest[open..len - 1], Layer::Text);
            rest = &rest[len - 1..];
            (1, Layer::Code)
        } else if first == '\'' {
            (quoted_len(rest), Layer::Code)
        } else {
            (first.len_utf8(), Layer::Code)
        };
        // A character literal may hold a quote or a brace, which would be taken for code.
        let piece = &rest[..len];
        if first == '\'' && len > 1 {
            put("' '", Layer::Code)
        } else {
            put(piece, layer)
        }
        before = piece.chars().next_back().unwrap_or(' ');
        rest = &rest[len..];
    }
    layers.into()
}

/// The length of a block comment, which may hold others.
fn block_len(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// The lengths of a string literal at the start of `text`: up to its content, and of all without closing hashes.
fn string_len(text: &str) -> Option<(usize, usize)> {
    let prefix = ["br", "cr", "r", "b", "c", ""].into_iter().find(|prefix| {
        text.strip_prefix(prefix).is_some_and(|rest| rest.trim_start_matches('#').starts_with('"'))
    })?;
    let rest = &text[prefix.len()..];
    let hashes = rest.len() - rest.trim_start_matches('#').len();
    let raw = prefix.ends_with('r');
    if hashes > 0 && !raw {
        return None;
    }
    let open = prefix.len() + hashes + 1;
    let mut at = open;
    let close = format!("\"{}", "#".repeat(hashes));
    while at < text.len() {
        if !raw && text[at..].starts_with('\\') {
            at += 1;
            at += text[at..].chars().next().map_or(0, char::len_utf8);
        } else if text[at..].starts_with(&close) {
            return Some((open, at + 1));
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    Some((open, text.len()))
}

/// The length of a character literal, or 1 for the quote of a lifetime.
fn quoted_len(text: &str) -> usize {
    let mut letters = text.char_indices().skip(1);
    match letters.next() {
        Some((_, '\\')) => {
            text[2..].char_indices().skip(1).find(|(_, letter)| *letter == '\'').map_or(1, |(at, _)| at + 3)
        }
        Some((at, letter)) if text[at + letter.len_utf8()..].starts_with('\'') => at + letter.len_utf8() + 1,
        _ => 1,
    }
}

/// Where the item ends that an attribute at `start` belongs to.
fn item_end(code: &str, start: usize) -> usize {
    let mut depth = 0_usize;
    for (at, letter) in code[start..].char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth <= 1 => return start + at + 1,
            '}' => depth -= 1,
            ';' if depth == 0 => return start + at + 1,
            _ => {}
        }
    }
    code.len()
}

#[derive(Debug, PartialEq)]
enum Token<'a> {
    Name(usize, &'a str),
    Colons,
    Open,
    Close,
    Comma,
    Other,
}

fn tokens(code: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = code;
    let mut line = 1;
    while let Some(first) = rest.chars().next() {
        let len = match first {
            _ if is_word(first) => rest.find(|letter| !is_word(letter)).unwrap_or(rest.len()),
            ':' if rest.starts_with("::") => 2,
            _ => first.len_utf8(),
        };
        match first {
            _ if is_word(first) => tokens.push(Token::Name(line, &rest[..len])),
            ':' if len == 2 => tokens.push(Token::Colons),
            '{' => tokens.push(Token::Open),
            '}' => tokens.push(Token::Close),
            ',' => tokens.push(Token::Comma),
            '\n' => line += 1,
            _ if first.is_whitespace() => {}
            _ => tokens.push(Token::Other),
        }
        rest = &rest[len..];
    }
    tokens
}

/// Reads the path at `at`, behind `prefix`; answers where to go on.
fn path(tokens: &[Token], mut at: usize, prefix: &str, paths: &mut Vec<(usize, String)>) -> usize {
    let mut name = prefix.to_owned();
    let mut line = None;
    while let Some(Token::Name(here, part)) = tokens.get(at) {
        if !name.is_empty() {
            name.push_str("::");
        }
        name.push_str(part);
        line = line.or(Some(*here));
        at += 1;
        if tokens.get(at) != Some(&Token::Colons) {
            break;
        }
        at += 1;
        if tokens.get(at) == Some(&Token::Open) {
            return group(tokens, at + 1, &name, paths);
        }
    }
    match line {
        Some(line) => {
            paths.push((line, name));
            at
        }
        None => at + 1,
    }
}

/// Reads the paths of a group in braces, each behind `prefix`.
fn group(tokens: &[Token], mut at: usize, prefix: &str, paths: &mut Vec<(usize, String)>) -> usize {
    while let Some(token) = tokens.get(at) {
        match token {
            Token::Close => return at + 1,
            Token::Name(..) => at = path(tokens, at, prefix, paths),
            Token::Colons | Token::Open | Token::Comma | Token::Other => at += 1,
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_comments_and_strings_are_told_apart() {
        let rust = Rust::of(
            "let a = \"x // y\"; // FIXME \"b\"\nlet c = r#\"d\"e\"#; /* f /* g */ h */ i('\"', 'j, '\\'');\n",
        );
        assert!(!rust.code.contains('x') && !rust.code.contains("FIXME") && !rust.code.contains('d'));
        assert!(rust.code.contains("let c") && rust.code.contains("i(") && rust.code.contains("'j,"));
        assert!(rust.comments.contains("FIXME \"b\"") && rust.comments.contains("g */ h"));
        assert!(rust.strings.contains("x // y") && rust.strings.contains("d\"e"));
        assert_eq!(rust.code.lines().count(), 2);
    }

    #[test]
    fn what_only_tests_see_is_known_by_its_lines() {
        let rust = Rust::of("fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() { { } }\n}\nfn c() {}\n");
        let seen: Vec<bool> = (1..=6).map(|line| rust.is_test(line)).collect();
        assert_eq!(seen, [false, true, true, true, true, false]);
        assert_eq!(Rust::of("#[cfg(test)]\nmod tests;\n").test_modules().collect::<Vec<_>>(), ["tests"]);
    }

    #[test]
    fn groups_of_imports_are_written_out() {
        let rust = Rust::of("use std::{env, fs::{self, File}};\nlet a = std::net::TcpStream::connect(b);\n");
        let paths: Vec<String> = rust.paths().into_iter().map(|(line, path)| format!("{line} {path}")).collect();
        for expected in ["1 std::env", "1 std::fs::self", "1 std::fs::File", "2 std::net::TcpStream::connect"] {
            assert!(paths.iter().any(|path| path == expected), "{expected} is not in {paths:?}");
        }
    }
}
