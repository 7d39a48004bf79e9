//! What the doctors of the control plane and of the agent say: the same shape, the same words for how bad it is.

use std::fmt;

use serde::Serialize;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// As it should be.
    Ok,
    /// It works, and will not for ever.
    Warning,
    /// It does not work.
    Problem,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Stable name, `part.what`.
    pub check: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What was found.
    pub what: String,
    /// Why it matters; empty if nothing is wrong.
    pub why: &'static str,
    /// What to do; empty if nothing is wrong.
    pub todo: String,
}

impl Finding {
    /// As it should be.
    pub fn ok(check: &'static str, what: impl Into<String>) -> Self {
        Self {
            check,
            severity: Severity::Ok,
            what: what.into(),
            why: "",
            todo: String::new(),
        }
    }

    /// It works, and will not for ever.
    pub fn warning(
        check: &'static str,
        what: impl Into<String>,
        why: &'static str,
        todo: impl Into<String>,
    ) -> Self {
        Self {
            check,
            severity: Severity::Warning,
            what: what.into(),
            why,
            todo: todo.into(),
        }
    }

    /// It does not work.
    pub fn problem(
        check: &'static str,
        what: impl Into<String>,
        why: &'static str,
        todo: impl Into<String>,
    ) -> Self {
        Self {
            severity: Severity::Problem,
            ..Self::warning(check, what, why, todo)
        }
    }
}

/// Everything that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The worst of it.
    pub severity: Severity,
    /// One by one, in the order in which they were looked at.
    pub findings: Vec<Finding>,
}

impl Report {
    /// A report of these.
    pub fn new(findings: Vec<Finding>) -> Self {
        let worst = findings.iter().map(|finding| finding.severity).max();
        Self {
            severity: worst.unwrap_or(Severity::Ok),
            findings,
        }
    }

    /// The doctor's exit status: 0 nothing is wrong, 1 warnings, 2 problems.
    pub const fn exit_code(&self) -> u8 {
        match self.severity {
            Severity::Ok => 0,
            Severity::Warning => 1,
            Severity::Problem => 2,
        }
    }

    /// The findings of one check.
    pub fn of<'a>(&'a self, check: &'a str) -> impl Iterator<Item = &'a Finding> {
        self.findings.iter().filter(move |finding| finding.check == check)
    }
}

/// For a terminal: a line for what is well, three for what is not.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            let word = match finding.severity {
                Severity::Ok => "ok      ",
                Severity::Warning => "warning ",
                Severity::Problem => "PROBLEM ",
            };
            writeln!(f, "{word}{}: {}", finding.check, finding.what)?;
            if finding.severity > Severity::Ok {
                writeln!(f, "        why   {}", finding.why)?;
                writeln!(f, "        do    {}", finding.todo)?;
            }
        }
        let count = |severity| {
            let like = |finding: &&Finding| finding.severity == severity;
            self.findings.iter().filter(like).count()
        };
        write!(
            f,
            "{} problems, {} warnings",
            count(Severity::Problem),
            count(Severity::Warning)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_finding_decides() {
        let (well, soon) = (
            Finding::ok("a.b", "well"),
            Finding::warning("a.c", "low", "it ends", "add"),
        );
        let broken = Finding::problem("a.d", "gone", "nothing works", "put it back");
        assert_eq!(Report::new(Vec::new()).exit_code(), 0);
        assert_eq!(Report::new(vec![well.clone()]).exit_code(), 0);
        assert_eq!(Report::new(vec![well.clone(), soon.clone()]).exit_code(), 1);
        let report = Report::new(vec![soon, broken, well]);
        assert_eq!(report.exit_code(), 2);
        let text = report.to_string();
        for part in [
            "warning a.c: low",
            "PROBLEM a.d: gone",
            "do    put it back",
            "1 problems, 1 warnings",
        ] {
            assert!(text.contains(part), "{text}");
        }
    }
}
