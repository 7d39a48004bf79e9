//! Text from elsewhere on somebody's terminal: nobody decides about what they can't see.

/// A line in which nothing hides: what steers a terminal, or turns or hides a part of a line, as its number.
#[must_use]
pub fn visible(line: &str) -> String {
    let mut seen = String::with_capacity(line.len());
    for c in line.chars() {
        let hides = matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        if c != '\t' && (c.is_control() || hides) {
            seen.extend(c.escape_unicode());
        } else {
            seen.push(c);
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn what_would_hide_a_part_is_seen() {
        assert_eq!(visible("select\t'é' -- 表"), "select\t'é' -- 表");
        assert_eq!(visible("a\u{1b}[2Kb\rc"), "a\\u{1b}[2Kb\\u{d}c");
        assert_eq!(visible("a\u{202e}b\u{200b}"), "a\\u{202e}b\\u{200b}");
    }
}
