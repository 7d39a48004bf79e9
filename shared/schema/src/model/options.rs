//! Named settings of an object.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Settings by their name, each once.
///
/// They are kept in the order in which they were written, because a server repeats it; two lists in different orders
/// are equal, because it means nothing. As data it is a map.
#[derive(Debug, Clone, Default, Eq)]
pub struct Options(Vec<(String, String)>);

impl Options {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A setting's value.
    pub fn get(&self, name: &str) -> Option<&String> {
        self.iter().find(|(own, _)| *own == name).map(|(_, value)| value)
    }

    /// Whether it is set.
    pub fn contains_key(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Sets one; one that is set already gets the value.
    pub fn insert(&mut self, name: String, value: String) {
        match self.0.iter_mut().find(|(own, _)| *own == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name, value)),
        }
    }

    /// Takes one away.
    pub fn remove(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|(own, _)| own == name)?;
        Some(self.0.remove(at).1)
    }

    /// All, as they were written.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &String)> {
        self.0.iter().map(|(name, value)| (name, value))
    }

    /// Their names.
    pub fn keys(&self) -> impl Iterator<Item = &String> {
        self.iter().map(|(name, _)| name)
    }

    fn sorted(&self) -> Vec<&(String, String)> {
        let mut all: Vec<&(String, String)> = self.0.iter().collect();
        all.sort_unstable();
        all
    }
}

impl PartialEq for Options {
    fn eq(&self, other: &Self) -> bool {
        self.sorted() == other.sorted()
    }
}

impl FromIterator<(String, String)> for Options {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(all: I) -> Self {
        let mut found = Self::default();
        for (name, value) in all {
            found.insert(name, value);
        }
        found
    }
}

impl Serialize for Options {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Options {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map;
        impl<'de> serde::de::Visitor<'de> for Map {
            type Value = Options;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a map of settings")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Options, A::Error> {
                let mut found = Options::default();
                while let Some((name, value)) = map.next_entry()? {
                    found.insert(name, value);
                }
                Ok(found)
            }
        }
        deserializer.deserialize_map(Map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_kept_and_means_nothing() {
        let of = |pairs: &[(&str, &str)]| -> Options {
            pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect()
        };
        let (one, other) = (of(&[("b", "1"), ("a", "2")]), of(&[("a", "2"), ("b", "1")]));
        assert_eq!(one, other);
        assert_ne!(one, of(&[("a", "2")]));
        let text = serde_json::to_string(&one).expect("a map");
        assert_eq!(text, r#"{"b":"1","a":"2"}"#);
        let back: Options = serde_json::from_str(&text).expect("a map");
        assert_eq!(back.keys().collect::<Vec<_>>(), ["b", "a"]);
    }
}
