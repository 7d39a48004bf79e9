//! Where statements end in a text that has no `DELIMITER` around its routines: where the server's grammar ends them. And
//! what stands in comments that every server runs.

use crate::{
    Dialect, Unreadable,
    lex::{Kind, LexError, Lexer, Token},
    split::Statement,
};

/// Words that open a block which `end` closes.
const OPENERS: &[&str] = &["begin", "case", "if", "loop", "while", "repeat"];
/// Words after which a statement of a routine begins.
const STARTERS: &[&str] = &["begin", "then", "else", "do", "loop", "repeat", "row"];

/// Cuts at each `;` that stands in no block of a routine.
pub(super) fn split_by_blocks(text: &str) -> Result<Vec<Statement<'_>>, Unreadable> {
    let tokens = tokens(text)?;
    let word = |at: usize| match tokens.get(at) {
        Some(token) if token.kind == Kind::Word => text[token.start..token.end].to_ascii_lowercase(),
        _ => String::new(),
    };
    let is_mark = |at: usize, mark: char| {
        tokens
            .get(at)
            .is_some_and(|token| token.kind == Kind::Symbol(mark))
    };
    let mut statements = Vec::new();
    let (mut first, mut at) = (0, 0);
    while at < tokens.len() {
        let routine = is_routine(&word, first, at);
        let mut depth = 0_usize;
        while at < tokens.len() && !(depth == 0 && is_mark(at, ';')) {
            let here = word(at);
            if routine || is_routine(&word, first, at) {
                let begins = at > first
                    && (is_mark(at - 1, ';')
                        || is_mark(at - 1, ':')
                        || STARTERS.contains(&word(at - 1).as_str()));
                if here == "end" {
                    depth = depth.saturating_sub(1);
                    // `end if` and the like.
                    at += usize::from(OPENERS.contains(&word(at + 1).as_str()));
                } else if here == "case" || (OPENERS.contains(&here.as_str()) && (begins || here == "begin"))
                {
                    depth += 1;
                }
            }
            at += 1;
        }
        if at > first {
            statements.push(statement(text, tokens[first], tokens[at - 1]));
        }
        at += 1;
        first = at;
    }
    Ok(statements)
}

/// Whether the statement that begins at `first` makes a routine, as far as `at`.
fn is_routine(word: &impl Fn(usize) -> String, first: usize, at: usize) -> bool {
    word(first) == "create"
        && (first..at.max(first + 1))
            .any(|at| matches!(word(at).as_str(), "trigger" | "procedure" | "function" | "event"))
}

/// Every MySQL that is still in use, and MariaDB, runs what stands in `/*!` comments of versions below this; MariaDB
/// passes over those of later ones.
const RUN_BY_ALL: u32 = 50_700;

/// The text with executable comments that every server runs laid open, at the same places.
pub(super) fn laid_open(text: &str) -> std::borrow::Cow<'_, str> {
    let mut open: Option<String> = None;
    let (mut at, mut inside) = (0, false);
    loop {
        let here = open.as_deref().unwrap_or(text);
        let mut lexer = Lexer::new(Dialect::MySql, here);
        lexer.at = at;
        let mut star = None;
        let found = loop {
            match lexer.next() {
                Ok(Some(token)) if inside && token.kind == Kind::Symbol('*') => star = Some(token.end),
                Ok(Some(token)) if token.kind == Kind::Symbol('/') && star == Some(token.start) => {
                    break Some((token.start - 1, token.end, false));
                }
                Ok(Some(_)) => star = None,
                Err(LexError::ExecutableComment { at }) if !inside => {
                    let digits: String = here[at + 3..].chars().take_while(char::is_ascii_digit).collect();
                    let is_common = digits.parse::<u32>().is_ok_and(|version| version < RUN_BY_ALL);
                    break is_common.then(|| (at, at + 3 + digits.len(), true));
                }
                Ok(None) | Err(_) => break None,
            }
        };
        let Some((start, end, opens)) = found else { break };
        let blank = " ".repeat(end - start);
        open.get_or_insert_with(|| text.to_owned())
            .replace_range(start..end, &blank);
        (at, inside) = (end, opens);
    }
    open.map_or(std::borrow::Cow::Borrowed(text), std::borrow::Cow::Owned)
}

fn statement(text: &str, first: Token, last: Token) -> Statement<'_> {
    let newlines = text[..first.start].bytes().filter(|&byte| byte == b'\n').count();
    Statement {
        text: &text[first.start..last.end],
        start: first.start,
        end: last.end,
        line: u32::try_from(newlines + 1).unwrap_or(u32::MAX),
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, Unreadable> {
    let mut lexer = Lexer::new(Dialect::MySql, text);
    let mut out = Vec::new();
    loop {
        match lexer.next() {
            Ok(Some(token)) if token.kind == Kind::Gap => {}
            Ok(Some(token)) => out.push(token),
            Ok(None) => return Ok(out),
            Err(_) => return Err(Unreadable::at(1, "a quote or comment that can't be followed")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_every_server_runs_is_laid_open() {
        let text = "create table t (a int) /*!50100 PARTITION BY HASH (a) */;\n/* '*/ select '/*!50100 x */'";
        let open = laid_open(text);
        assert_eq!(open.len(), text.len());
        assert!(open.contains("          PARTITION BY HASH (a)   ;"), "{open}");
        assert!(open.ends_with("select '/*!50100 x */'"));
        for kept in ["a /*!80003 SRID 4326 */", "a /*M! b */", "a /*!b */"] {
            assert_eq!(laid_open(kept), kept);
        }
    }

    #[test]
    fn blocks_stay_whole() {
        let text = "create table t (a int);\n\
            create trigger r before update on t for each row begin\n\
              if new.a is null then set new.a = if(old.a = 1, 2, case old.a when 3 then 4 end); end if;\n\
              while 1 do set @a = 1; end while;\n\
            end;\n\
            create trigger s after insert on t for each row insert into u values (1);\n\
            create view v as select case when a then 1 end from t;";
        let found = split_by_blocks(text).unwrap();
        let firsts: Vec<(u32, &str)> = found.iter().map(|s| (s.line, &s.text[..12])).collect();
        assert_eq!(
            firsts,
            [
                (1, "create table"),
                (2, "create trigg"),
                (6, "create trigg"),
                (7, "create view ")
            ]
        );
        assert!(found[1].text.ends_with("end"));
    }
}
