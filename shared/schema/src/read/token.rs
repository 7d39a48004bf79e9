//! The tokens of a statement, with their values: what the readers walk over.

use crate::{
    Dialect,
    lex::{Kind, LexError, Lexer},
};

/// What a token is, and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Tok {
    /// A keyword or a name without quotes, as written.
    Word(String),
    /// A quoted name, without its quotes.
    Quoted(String),
    /// A string, without quotes and escapes.
    Str(String),
    /// A number, as written.
    Number(String),
    /// An operator or a mark.
    Mark(String),
}

/// A token and where it stands in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) tok: Tok,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// A comment, from its first to its last byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Comment {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// Cuts a text into tokens, and finds its comments.
pub(crate) fn tokens(dialect: Dialect, text: &str) -> Result<(Vec<Token>, Vec<Comment>), LexError> {
    let mut lexer = Lexer::new(dialect, text);
    let (mut out, mut comments): (Vec<Token>, Vec<Comment>) = (Vec::new(), Vec::new());
    while let Some(token) = lexer.next()? {
        let (start, end) = (token.start, token.end);
        let piece = &text[start..end];
        let tok = match token.kind {
            Kind::Gap => {
                if !piece.starts_with(char::is_whitespace) {
                    comments.push(Comment { start, end });
                }
                continue;
            }
            Kind::Word if piece.starts_with(|c: char| c.is_ascii_digit()) => Tok::Number(piece.to_owned()),
            Kind::Word => Tok::Word(piece.to_owned()),
            Kind::QuotedName => Tok::Quoted(unquote(piece)),
            Kind::String => {
                if let Some(joined) = prefixed(&out, piece, start) {
                    if let Some(last) = out.last_mut() {
                        (last.tok, last.end) = (joined, end);
                    }
                    continue;
                }
                Tok::Str(string(dialect, piece))
            }
            Kind::Symbol(c) => Tok::Mark(c.to_string()),
        };
        if !joins(dialect, &mut out, &tok, (start, end)) {
            out.push(Token { tok, start, end });
        }
    }
    Ok((out, comments))
}

/// `b'…'`, `x'…'`, `n'…'`, `u&'…'` are one token of their own, kept as written.
fn prefixed(before: &[Token], piece: &str, start: usize) -> Option<Tok> {
    let last = before.last().filter(|last| last.end == start)?;
    let Tok::Word(word) = &last.tok else { return None };
    let is_prefix = ["b", "x", "n", "_utf8mb4", "_utf8", "_latin1", "_binary"]
        .iter()
        .any(|prefix| word.eq_ignore_ascii_case(prefix));
    (is_prefix && piece.starts_with(['\'', '"']))
        .then(|| Tok::Number(format!("{}{piece}", word.to_lowercase())))
}

/// Adds the token to the one before, where the two are one: `1` `.` `5`, `:` `:`, `<` `=`.
fn joins(dialect: Dialect, out: &mut [Token], tok: &Tok, (start, end): (usize, usize)) -> bool {
    let before_last = out
        .len()
        .checked_sub(2)
        .map(|at| (out[at].end, out[at].tok.clone()));
    let Some(last) = out.last_mut().filter(|last| last.end == start) else {
        return false;
    };
    let joined = match (&last.tok, tok) {
        (Tok::Number(number), Tok::Mark(mark)) if mark == "." && is_digits(number) => {
            Some(Tok::Number(format!("{number}.")))
        }
        (Tok::Number(number), Tok::Number(more)) if number.ends_with('.') => {
            Some(Tok::Number(format!("{number}{more}")))
        }
        (Tok::Number(number), Tok::Mark(sign))
            if (sign == "-" || sign == "+") && number.ends_with(['e', 'E']) && !number.contains('\'') =>
        {
            Some(Tok::Number(format!("{number}{sign}")))
        }
        (Tok::Number(number), Tok::Number(more)) if number.ends_with(['-', '+']) => {
            Some(Tok::Number(format!("{number}{more}")))
        }
        (Tok::Mark(dot), Tok::Number(number))
            if dot == "." && !before_last.is_some_and(|(end, tok)| end == last.start && is_name(&tok)) =>
        {
            Some(Tok::Number(format!("0.{number}")))
        }
        (Tok::Mark(first), Tok::Mark(second)) => {
            let both = format!("{first}{second}");
            is_mark(dialect, &both).then_some(Tok::Mark(both))
        }
        _ => None,
    };
    let Some(joined) = joined else { return false };
    (last.tok, last.end) = (joined, end);
    true
}

fn is_digits(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_digit())
}

fn is_name(tok: &Tok) -> bool {
    matches!(tok, Tok::Word(_) | Tok::Quoted(_)) || *tok == Tok::Mark("]".to_owned())
}

/// Whether the marks together are (the begin of) one operator.
fn is_mark(dialect: Dialect, both: &str) -> bool {
    if matches!(both, "::" | ":=" | "=>" | "..") {
        return true;
    }
    match dialect {
        Dialect::MySql => matches!(
            both,
            "<=" | ">=" | "<>" | "!=" | "<=>" | "<<" | ">>" | "||" | "&&" | "->" | "->>"
        ),
        Dialect::Postgres => {
            let is_operator = both.chars().all(|c| "+-*/<>=~!@#%^&|`?".contains(c));
            // The server's rule: + and - end an operator only if one of these marks is in it.
            let may_end = !both.ends_with(['+', '-'])
                || both.contains(['~', '!', '@', '#', '%', '^', '&', '|', '`', '?']);
            is_operator && may_end
        }
    }
}

fn unquote(piece: &str) -> String {
    let quote = piece.chars().next().unwrap_or('"');
    let inner = &piece[1..piece.len() - 1];
    inner.replace(&format!("{quote}{quote}"), &quote.to_string())
}

fn string(dialect: Dialect, piece: &str) -> String {
    if let Some(dollar) = piece.strip_prefix('$') {
        let tag = dollar.find('$').map_or(0, |at| at + 2);
        return piece[tag..piece.len() - tag].to_owned();
    }
    if dialect == Dialect::MySql {
        return unescape(piece, mysql_escape);
    }
    if piece.starts_with(['e', 'E']) {
        return unescape(&piece[1..], postgres_escape);
    }
    unquote(piece)
}

/// Takes off quotes, and the escapes that `escape` knows.
fn unescape(piece: &str, escape: fn(&mut std::str::Chars<'_>, &mut String)) -> String {
    let quote = piece.chars().next().unwrap_or('\'');
    let mut chars = piece[1..piece.len() - 1].chars();
    let mut out = String::new();
    while let Some(c) = chars.next() {
        if c == '\\' {
            escape(&mut chars, &mut out);
        } else if c == quote {
            chars.next();
            out.push(quote);
        } else {
            out.push(c);
        }
    }
    out
}

fn mysql_escape(chars: &mut std::str::Chars<'_>, out: &mut String) {
    match chars.next() {
        Some('0') => out.push('\0'),
        Some('b') => out.push('\u{8}'),
        Some('n') => out.push('\n'),
        Some('r') => out.push('\r'),
        Some('t') => out.push('\t'),
        Some('Z') => out.push('\u{1a}'),
        // Outside of patterns these two keep their backslash.
        Some(c @ ('%' | '_')) => out.extend(['\\', c]),
        Some(c) => out.push(c),
        None => {}
    }
}

fn postgres_escape(chars: &mut std::str::Chars<'_>, out: &mut String) {
    let Some(c) = chars.next() else { return };
    let digits = |chars: &mut std::str::Chars<'_>, radix: u32, most: usize| {
        let text = chars.as_str();
        let length = text.chars().take(most).take_while(|c| c.is_digit(radix)).count();
        let value = u32::from_str_radix(&text[..length], radix).ok();
        for _ in 0..length {
            chars.next();
        }
        value.and_then(char::from_u32)
    };
    match c {
        'b' => out.push('\u{8}'),
        'f' => out.push('\u{c}'),
        'n' => out.push('\n'),
        'r' => out.push('\r'),
        't' => out.push('\t'),
        'x' => out.extend(digits(chars, 16, 2)),
        'u' => out.extend(digits(chars, 16, 4)),
        'U' => out.extend(digits(chars, 16, 8)),
        '0'..='7' => {
            let mut value = c.to_digit(8).unwrap_or(0);
            for _ in 0..2 {
                let Some(digit) = chars.as_str().chars().next().and_then(|c| c.to_digit(8)) else {
                    break;
                };
                value = value * 8 + digit;
                chars.next();
            }
            out.extend(char::from_u32(value));
        }
        other => out.push(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn toks(dialect: Dialect, text: &str) -> Vec<Tok> {
        tokens(dialect, text)
            .unwrap()
            .0
            .into_iter()
            .map(|token| token.tok)
            .collect()
    }

    fn mark(text: &str) -> Tok {
        Tok::Mark(text.to_owned())
    }

    fn number(text: &str) -> Tok {
        Tok::Number(text.to_owned())
    }

    #[test]
    fn numbers_are_one_token() {
        for text in ["1", "1.5", "1e10", "1.5e-3", "1.", "x'ff'", "b'01'"] {
            assert_eq!(toks(Dialect::Postgres, text), [number(text)]);
        }
        assert_eq!(toks(Dialect::Postgres, "(.5)")[1], number("0.5"));
        assert_eq!(toks(Dialect::Postgres, "a.b").len(), 3);
    }

    #[test]
    fn operators_are_one_token() {
        for text in ["::", "->>", "<=", "<>", "@>", "||", "!~*"] {
            assert_eq!(toks(Dialect::Postgres, text), [mark(text)]);
        }
        assert_eq!(
            toks(Dialect::Postgres, "=-1"),
            [mark("="), mark("-"), number("1")]
        );
        assert_eq!(toks(Dialect::Postgres, "(*)").len(), 3);
    }

    #[test]
    fn strings_come_without_quotes_and_escapes() {
        let str = |text: &str| [Tok::Str(text.to_owned())];
        assert_eq!(toks(Dialect::Postgres, "'it''s'"), str("it's"));
        assert_eq!(
            toks(Dialect::Postgres, r"e'a\'b\n\x41\u00e4\101'"),
            str("a'b\nAäA")
        );
        assert_eq!(toks(Dialect::Postgres, "$x$a'b$x$"), str("a'b"));
        assert_eq!(toks(Dialect::MySql, r#""a""b\'\%""#), str(r#"a"b'\%"#));
        assert_eq!(
            toks(Dialect::Postgres, r#""a""b""#),
            [Tok::Quoted("a\"b".to_owned())]
        );
    }

    #[test]
    fn comments_are_found() {
        let (tokens, comments) = tokens(Dialect::Postgres, "a /* b */ c -- d").unwrap();
        assert_eq!((tokens.len(), comments.len()), (2, 2));
    }
}
