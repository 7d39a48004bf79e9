//! Random bytes and tokens from the system's generator.

use aws_lc_rs::rand;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const TOKEN_CHARS: usize = 43;

/// `N` random bytes.
///
/// # Panics
/// When the operating system has no randomness to give, since nothing can be done safely then.
pub fn random_array<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    assert!(
        rand::fill(&mut bytes).is_ok(),
        "the operating system has no randomness"
    );
    bytes
}

/// A token of `prefix` and 43 letters and digits: 256 bits that no one can guess.
pub fn random_token(prefix: &str) -> String {
    let mut token = String::with_capacity(prefix.len() + TOKEN_CHARS);
    token.push_str(prefix);
    let mut wanted = TOKEN_CHARS;
    while wanted > 0 {
        for byte in random_array::<64>() {
            // 248 is the largest multiple of 62 in a byte: the rest would favour the first letters.
            if byte < 248 && wanted > 0 {
                token.push(char::from(ALPHABET[usize::from(byte % 62)]));
                wanted -= 1;
            }
        }
    }
    token
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_have_their_prefix_and_differ() {
        let (a, b) = (random_token("whk_"), random_token("whk_"));
        assert!(a.starts_with("whk_") && a.len() == 4 + TOKEN_CHARS);
        assert_ne!(a, b);
    }
}
