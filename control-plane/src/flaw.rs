//! What is wrong with a field, so that it can be said in any language: a code with its blanks, and an English sentence for
//! those who only show what they get. What forms of the console meet has a code; the rest ([`Flaw::Other`]) is a sentence.

use std::{collections::BTreeMap, fmt};

/// Each flaw: its blanks, its code, its sentence.
macro_rules! flaws {
    ($($(#[$doc:meta])* $name:ident $(($($blank:ident: $kind:ty),+))? $code:literal => $sentence:literal,)*) => {
        /// What is wrong with a field. The sentence goes on after the field's name.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Flaw {
            $($(#[$doc])* $name $(($($kind),+))?,)*
            /// Anything else.
            Other(String),
        }

        impl Flaw {
            /// Stable, kebab-case; `invalid` where only the sentence says it.
            pub const fn code(&self) -> &'static str {
                match self {
                    $(Self::$name $(($(flaws!(any $blank)),+))? => $code,)*
                    Self::Other(_) => "invalid",
                }
            }

            /// The blanks of its sentence.
            pub fn params(&self) -> BTreeMap<&'static str, String> {
                match self {
                    $(Self::$name $(($($blank),+))? => {
                        BTreeMap::from([$($((stringify!($blank), said($blank))),+)?])
                    })*
                    Self::Other(_) => BTreeMap::new(),
                }
            }
        }

        impl fmt::Display for Flaw {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$name $(($($blank),+))? => write!(f, $sentence),)*
                    Self::Other(sentence) => f.write_str(sentence),
                }
            }
        }
    };
    (any $blank:ident) => { _ };
}

flaws! {
    /// Nothing, where something is needed.
    Needed "needed" => "is needed",
    /// A text of the wrong length, in characters: least and most.
    Length(least: usize, most: usize) "length" => "must have {least} to {most} characters",
    /// At least so many characters.
    TooShort(least: usize) "too-short" => "must have at least {least} characters",
    /// At most so many characters.
    TooLong(most: usize) "too-long" => "must have at most {most} characters",
    /// A text of the wrong length, in bytes: least and most.
    Bytes(least: usize, most: usize) "bytes" => "must have {least} to {most} bytes",
    /// At most so many of something.
    TooMany(most: usize) "too-many" => "there can be at most {most}",
    /// A number out of its range: least and most.
    Range(least: i64, most: i64) "range" => "must be {least} to {most}",
    /// At least so much.
    AtLeast(least: u64) "at-least" => "must be at least {least}",
    /// A name that people type.
    Name(most: usize) "name" => "must have 1 to {most} characters, no space at either end and no control character",
    /// A short name for addresses.
    Slug(most: usize) "slug" => "must be 1 to {most} lower-case letters, digits and dashes",
    /// A name for containers, files and paths.
    Identifier(most: usize) "identifier"
        => "must be 1 to {most} letters, digits, _, . and -, of which the first is a letter or digit",
    /// The name of a git host: `github`, `git.example.com`.
    Host(most: usize) "host" => "must be 1 to {most} lower-case letters, digits, hyphens and dots",
    /// A name of a secret.
    Symbols(most: usize) "symbols" => "must be 1 to {most} letters, digits, _, - and .",
    /// The name of an environment variable.
    Variable(most: usize) "variable" => "must be 1 to {most} letters, digits and _, not beginning with a digit",
    /// A code for programs.
    Word "word" => "must be 1 to 64 letters, digits, _ and -",
    /// An operation's code.
    NounVerb "noun-verb" => "must be noun:verb, at most 64 characters",
    /// A text that goes into headers and addresses of others.
    Visible(most: usize) "visible" => "must be 1 to {most} visible ASCII characters",
    /// A text of several lines that has more than lines.
    Control "control" => "must not hold control characters",
    /// What can't be in an environment variable.
    Nul "nul" => "can't hold a NUL character: no environment variable can",
    /// A user's name in the platform.
    Username "username" => "must have 2 to 64 characters, without spaces and @",
    /// A name that signs in elsewhere.
    Login(most: usize) "login" => "must have at most {most} bytes, without : and control characters",
    /// A name that signs somebody else in, or might.
    Ambiguous "ambiguous" => "looks like a mobile number or an account; use a name",
    /// No e-mail address.
    Email "email" => "is not a usable e-mail address",
    /// No mobile number.
    Mobile "mobile" => "is not a usable mobile number",
    /// No day.
    Day "day" => "is not a day: write it as YYYY-MM-DD",
    /// An end that comes before its beginning.
    AfterStart "after-start" => "must be later than its beginning",
    /// No address of the Internet protocol.
    Ip "ip" => "must be an IPv4 or IPv6 address",
    /// No port.
    Port "port" => "must be a port: 1 to 65535",
    /// No path of a URL.
    Path "path" => "must be a path that begins with /",
    /// No name of a file.
    FileName "file-name" => "must be 1 to 255 bytes without / and control characters, no space at either end, and neither . nor ..",
    /// A folder that would be in itself.
    InItself "in-itself" => "is this folder itself, or in it",
    /// A file, where a folder is needed.
    NoFolder "no-folder" => "is not a folder",
    /// What is a person's goes into that person's folders, and what is the org's into the org's.
    OtherOwner "other-owner" => "belongs to somebody else: what is yours and what is the org's are kept apart",
    /// No SHA-256.
    Sha256 "hash" => "must be a SHA-256 in 64 hexadecimal digits",
    /// No type of content.
    Mime "mime" => "must be a type such as application/pdf, at most 128 characters",
    /// No permissions of a file.
    FileMode "file-mode" => "must be three octal digits, for instance 644",
    /// No path of a file.
    File "file" => "must be an absolute path without . and ..",
    /// Neither a volume nor a path.
    Volume "volume" => "must be a volume's name, or an absolute path without . and ..",
    /// No version of an image.
    Tag "tag" => "must be an image tag: letters, digits, _, . and -, at most 128, not beginning with . or -",
    /// The key of a label.
    LabelKey(key: String, most: usize) "label-key"
        => "{key:?} is not a key: use up to {most} letters, digits, dots, dashes, slashes",
    /// The value of a label.
    LabelValue(key: String, most: usize) "label-value"
        => "the value of {key} must have at most {most} characters and no comma",
    /// Labels in a query.
    Pairs "pairs" => "must look like key=value,key=value",
    /// No picture, or a large one.
    Picture "picture" => "must be an https address, or a data URI of an image of at most 512 KiB",
    /// A secret that is not the right one.
    Wrong "wrong" => "is wrong",
    /// A code that is not the present one, or was used.
    Code "code" => "is not the present code, or was used already",
    /// Of a link that was used or is too old.
    Link "link" => "does not work any more: ask for a new link",
    /// A password that is tried early: its strength, and what is needed.
    Guessable(strength: i64, least: i64) "guessable"
        => "is too easy to guess (strength {strength} of 4, {least} are needed): take more words, or rarer ones",
    /// A password that others know.
    Known "known" => "is in a list of passwords that became known: choose another, and never use this one again",
    /// What it names is not there.
    NoSuch(what: &'static str) "no-such" => "there is no such {what}",
    /// What it names is not the caller's to use.
    OutOfReach "out-of-reach" => "is out of your reach",
    /// Somebody with narrow permissions names nothing that they reach.
    Narrowed "narrowed" => "your permissions are narrowed: name a cluster and an environment that you reach",
    /// The same, of hosts.
    NarrowedHosts "narrowed-hosts"
        => "your permissions are narrowed: name hosts that you reach, without a selector",
    /// A message with blanks that nothing fills in.
    Blanks "blanks" => "may have these in braces, and no other braces: title, rule, severity, what, note, count, address",
    /// It goes with another field's value only.
    OnlyWith(what: &'static str) "only-with" => "goes with {what} only",
    /// The same port twice.
    PortTwice "port-twice" => "this host port is published twice",
    /// A group that nothing can be synced from.
    NoProvider "no-provider" => "a group without a provider can't be synced",
    /// A secret that was meant for another address.
    Anew "anew" => "is needed with a new address: it was meant for the old one",
    /// Neither a reference nor an id, or both.
    OneSecret "one-secret" => "name one secret: @secret:<id> as the value, or its id as secretId",
    /// What belongs to no org refers to what belongs to one.
    GlobalSecret "global-secret" => "the global scope can't refer to secrets: they belong to orgs",
    /// No platform, or another's.
    OwnPlatform "own-platform" => "name a platform that you manage",
    /// An entry code of nobody.
    NoOrg "no-org" => "no org has this code",
    /// The caller is in that org.
    MemberAlready "member-already" => "you are a member already",
    /// They are in that org.
    IsMember "is-member" => "is a member already",
    /// They are not in the org.
    NotMembers "not-members" => "head and members must be members of the org",
    /// A department that would be its own parent.
    BelowItself "below-itself" => "is below this department",
    /// A tree that is too deep.
    TooDeep(most: usize) "too-deep" => "at most {most} levels",
    /// Nobody who may vouch.
    NotManager "not-manager" => "is not a manager of that platform",
    /// What is to be typed again, so that it doesn't happen by accident.
    NameAgain "name-again" => "type the org's name exactly as it is",
    /// The same thing again in one list.
    Twice "twice" => "stands in this list twice",
    /// Neither yes nor no.
    TrueOrFalse "true-or-false" => "must be true or false",
    /// No time.
    Time "time" => "must be a time such as 2026-01-31T09:30:00Z",
    /// A line of a CSV text that can't be read.
    CsvLine(line: u64, why: String) "csv-line" => "line {line} can't be read: {why}",
    /// A line of a CSV text with more or fewer values than the first line has names.
    CsvValues(line: u64, found: u64, wanted: u64) "csv-values"
        => "line {line} has {found} values, but the first line names {wanted} fields",
    /// A CSV text that ends in the middle of a value.
    CsvCut "csv-cut" => "a quotation mark is missing: is the end cut off?",
    /// A field that a CSV text must have.
    CsvLacks(name: &'static str) "csv-lacks"
        => "the first line must name the fields; {name} is not among them",
    /// A field that nothing of this kind has.
    CsvStrange(name: String, known: String) "csv-strange" => "{name} is not a field here: use {known}",
    /// A unique value that somebody has.
    Taken "taken" => "is taken by somebody else: choose another",
    /// The token of the first start.
    SetupToken "setup-token" => "is not the setup token: it stands in the output of this start of `muster serve`",
    /// The super administrator's account.
    Account "account" => "must have 2 to 64 characters, without spaces",
    /// No address of a PostgreSQL database.
    DatabaseUrl "database-url" => "must be postgres://user:password@host:port/database",
    /// Nobody listens there.
    DatabaseRefused(at: String) "database-refused"
        => "nothing listens at {at}: is PostgreSQL running there, on this port?",
    /// No such host.
    DatabaseNoHost(at: String) "database-no-host" => "there is no host {at}: check the name",
    /// No answer.
    DatabaseTimeout(at: String) "database-timeout" => "{at} does not answer: is a firewall in between?",
    /// User or password.
    DatabaseLogin(user: String) "database-login" => "the server refuses the user {user} or the password",
    /// No such database.
    DatabaseMissing(name: String) "database-missing"
        => "there is no database {name}: create it, or check the name",
    /// No tables may be made.
    DatabaseRights "database-rights"
        => "this user may not create tables: make it the owner of the database, or grant it create",
    /// Too old.
    DatabaseOld(version: String) "database-old" => "PostgreSQL {version} is too old: 13 or newer is needed",
    /// No database, or one that can't be read.
    DatabaseFile(why: String) "database-file" => "the database file can't be used: {why}",
    /// In the server's own words.
    DatabaseSays(words: String) "database-says" => "the database says: {words}",
    /// It was there, and is not any more.
    DatabaseGone(words: String) "database-gone" => "the database does not answer any more: {words}",
    /// A file of the data directory.
    DataFile(at: String, why: String) "data-file" => "{at} can't be written: {why}",
    /// The master key, wherever it comes from.
    MasterKey(why: String) "master-key" => "the master key can't be made or read: {why}",
    /// Somebody else's data.
    TableForeign(table: String) "table-foreign"
        => "the table {table} has data and is not Muster's: choose an empty database, or move it away",
    /// A column that is needed.
    ColumnMissing(table: String, column: String) "column-missing"
        => "the table {table} has data and lacks Muster's column {column}",
    /// A column that is not known.
    ColumnUnknown(table: String, column: String) "column-unknown"
        => "the table {table} has data and a column {column} that Muster does not know",
    /// A column of another type.
    ColumnType(table: String, column: String) "column-type"
        => "the column {column} of the table {table} has another type than Muster's",
    /// Another program's history, or a newer Muster's.
    HistoryStrange(table: String) "history-strange"
        => "{table} names a migration that this version does not have: it is another program's, or a newer Muster's",
    /// A migration that broke off.
    HistoryTorn(table: String) "history-torn"
        => "{table} says that a migration broke off: restore a backup, or choose an empty database",
}

fn said(blank: &impl fmt::Display) -> String {
    blank.to_string()
}

impl From<&str> for Flaw {
    fn from(sentence: &str) -> Self {
        Self::Other(sentence.to_owned())
    }
}

impl From<String> for Flaw {
    fn from(sentence: String) -> Self {
        Self::Other(sentence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_and_its_blanks_say_the_same() {
        for flaw in [
            Flaw::Length(1, 64),
            Flaw::TooShort(10),
            Flaw::Range(1, 30),
            Flaw::Slug(40),
            Flaw::Guessable(2, 3),
            Flaw::NoSuch("module"),
            Flaw::LabelValue("team".to_owned(), 63),
            Flaw::DatabaseRefused("db.example.com:5432".to_owned()),
            Flaw::ColumnType("users".to_owned(), "email".to_owned()),
            Flaw::CsvValues(7, 2, 3),
        ] {
            let sentence = flaw.to_string();
            let params = flaw.params();
            assert!(!params.is_empty(), "{sentence}");
            for (blank, value) in params {
                assert!(sentence.contains(&value), "{blank} is not in: {sentence}");
            }
        }
        assert_eq!(Flaw::Needed.params(), BTreeMap::new());
        let other = Flaw::from("is odd");
        assert_eq!((other.code(), other.to_string().as_str()), ("invalid", "is odd"));
    }
}
