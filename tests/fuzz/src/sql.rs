//! SQL text: cutting, classifying, linting.

use muster_schema::{Dialect, Risk, SplitError, Statement, canonical, classify, lint, split};

/// A text, read in both dialects.
pub fn sql(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    for dialect in [Dialect::MySql, Dialect::Postgres] {
        let cut = split(dialect, text);
        if let Ok(statements) = &cut {
            nothing_is_lost(dialect, text, statements);
            for statement in statements {
                sound(dialect, statement.text);
            }
        }
        whole(dialect, text, &cut);
        linted(dialect, text, &cut);
    }
}

fn nothing_is_lost(dialect: Dialect, text: &str, statements: &[Statement<'_>]) {
    let mut from = 0;
    // After a DELIMITER line a piece of the text means something else by itself.
    let delimited = text.to_ascii_lowercase().contains("delimiter");
    for s in statements {
        assert!(from <= s.start && s.start < s.end);
        assert_eq!(&text[s.start..s.end], s.text);
        let line = 1 + text[..s.start].matches('\n').count();
        assert_eq!(usize::try_from(s.line).ok(), Some(line));
        if !delimited {
            let gap = split(dialect, &text[from..s.start]).map(|gap| gap.len());
            assert_eq!(gap, Ok(0), "something between two statements was lost");
        }
        from = s.end;
    }
    // Nor is a byte order mark white space but at the very beginning.
    if delimited || text.contains('\u{feff}') {
        return;
    }
    let texts = |text: &str| -> Option<Vec<String>> {
        let pieces = split(dialect, text).ok()?;
        Some(pieces.iter().map(|piece| piece.text.to_owned()).collect())
    };
    // The last may end in the middle of a parenthesis; those before were ended by their semicolon.
    let complete: Vec<&str> = match statements.split_last() {
        Some((_, before)) => before.iter().map(|s| s.text).collect(),
        None => Vec::new(),
    };
    let wanted: Vec<String> = complete.iter().map(|text| (*text).to_owned()).collect();
    assert_eq!(
        texts(&canonical(complete)),
        Some(wanted),
        "the approved text is cut otherwise than the proposed one"
    );
}

/// What holds for every answer.
fn sound(dialect: Dialect, text: &str) {
    let seen = classify(dialect, text);
    assert_eq!(seen.reasons.is_empty(), seen.risk == Risk::Safe, "{seen:?}");
    assert_eq!(
        seen.reasons
            .iter()
            .map(|reason| reason.risk)
            .max()
            .unwrap_or(Risk::Safe),
        seen.risk
    );
    assert!(seen.refused.is_none() || seen.risk == Risk::Unknown);
    assert_eq!(classify(dialect, text), seen, "reading twice reads the same");
}

/// A text that is not one statement is never below unknown, whatever its first words are.
fn whole(dialect: Dialect, text: &str, cut: &Result<Vec<Statement<'_>>, SplitError>) {
    let is_one = match cut {
        Ok(statements) => statements.len() == 1,
        // Too much to cut says nothing about what it is; a routine's body needs the client's DELIMITER to be cut.
        Err(
            SplitError::TextTooLong { .. }
            | SplitError::StatementTooLong { .. }
            | SplitError::TooManyStatements { .. }
            | SplitError::NeedsDelimiter { .. },
        ) => return,
        Err(_) => false,
    };
    let seen = classify(dialect, text);
    assert!(is_one || seen.risk == Risk::Unknown, "{dialect}: {seen:?}");
}

fn linted(dialect: Dialect, text: &str, cut: &Result<Vec<Statement<'_>>, SplitError>) {
    match (lint(dialect, text), cut) {
        (Ok(findings), Ok(_)) => {
            let lines = 1 + text.matches('\n').count();
            for finding in findings {
                let line = usize::try_from(finding.line).expect("a line");
                assert!((1..=lines).contains(&line), "{finding}");
                assert!(!finding.message.is_empty());
            }
        }
        (Err(lint), Err(cut)) => assert_eq!(lint, *cut),
        (lint, cut) => panic!("{lint:?} and {cut:?} don't go together"),
    }
}
