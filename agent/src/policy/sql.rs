//! The rules for databases.

use muster_protocol::latest::{SqlSpec, SqlTarget};
use serde::Deserialize;

use super::{Policy, PolicyRefusal, file::Database};

/// The riskiest kind of statement that may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RiskCeiling {
    /// No statement at all; the server can still be tested.
    None,
    /// Statements that lose nothing and lock nothing for long.
    Safe,
    /// Statements that may lock, or fail on present data.
    #[default]
    Warning,
    /// Statements that lose data.
    Destructive,
    /// Statements that Muster can't read.
    Unknown,
}

impl RiskCeiling {
    /// From a statement's risk on the wire; what is not known is the worst.
    const fn of(risk: u8) -> Self {
        match risk {
            0 => Self::Safe,
            1 => Self::Warning,
            2 => Self::Destructive,
            _ => Self::Unknown,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Safe => "safe",
            Self::Warning => "warning",
            Self::Destructive => "destructive",
            Self::Unknown => "unknown",
        }
    }
}

impl Policy {
    pub(super) fn check_sql(&self, spec: &SqlSpec) -> Result<(), PolicyRefusal> {
        let ceiling = self.check_target(&spec.target)?;
        for (index, statement) in spec.statements.iter().enumerate() {
            let risk = RiskCeiling::of(statement.risk);
            if risk > ceiling {
                return self.too_risky(&format!("statement {}", index + 1), risk, ceiling);
            }
        }
        Ok(())
    }

    /// Whether statements of this risk (0 safe, 1 warning, 2 destructive, 3 unknown), as the worker itself reads them,
    /// are accepted on the target.
    pub fn check_risk(&self, target: &SqlTarget, risk: u8) -> Result<(), PolicyRefusal> {
        let ceiling = self.check_target(target)?;
        let risk = RiskCeiling::of(risk);
        if risk <= ceiling {
            return Ok(());
        }
        self.too_risky("the release", risk, ceiling)
    }

    /// Whether the target's definitions may be read: those of every database that is listed, whatever may run there.
    pub fn check_schema(&self, target: &SqlTarget) -> Result<(), PolicyRefusal> {
        self.check_target(target).map(drop)
    }

    /// Whether a database may be made beside the target, so that a change is tried there, and dropped again.
    pub fn check_scratch(&self, target: &SqlTarget) -> Result<(), PolicyRefusal> {
        self.check_target(target)?;
        let entry = self.file.databases.iter().find(|entry| entry.covers(target));
        if entry
            .and_then(|entry| entry.scratch)
            .unwrap_or(self.file.sql.scratch)
        {
            return Ok(());
        }
        let what = "no scratch databases are made on this server, so nothing can be tried there";
        self.refuse(
            "sql.scratch",
            what,
            "scratch = true under [sql] or for this entry of [[databases]]",
        )
    }

    fn too_risky(&self, what: &str, risk: RiskCeiling, ceiling: RiskCeiling) -> Result<(), PolicyRefusal> {
        let (risk, ceiling) = (risk.name(), ceiling.name());
        let what =
            format!("{what} is of risk `{risk}`, this host accepts at most `{ceiling}` on this database");
        let how = format!("max_risk = \"{risk}\" under [sql] or for this entry of [[databases]]");
        self.refuse("sql.max_risk", &what, &how)
    }

    /// The ceiling that holds for the target: that of the first entry that matches.
    pub(super) fn check_target(&self, target: &SqlTarget) -> Result<RiskCeiling, PolicyRefusal> {
        if let Some(entry) = self.file.databases.iter().find(|entry| entry.covers(target)) {
            return Ok(entry.max_risk.unwrap_or(self.file.sql.max_risk));
        }
        let SqlTarget {
            host, port, database, ..
        } = target;
        let what = format!("the database `{database}` at {host}:{port} is not listed");
        let how = format!("[[databases]] host = \"{host}\", ports = [\"{port}\"], name = \"{database}\"");
        self.refuse("databases", &what, &how)
    }
}

impl Database {
    fn covers(&self, target: &SqlTarget) -> bool {
        self.host.matches(&target.host)
            && self.ports.iter().any(|range| range.holds(target.port))
            && self.name.matches(&target.database)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use muster_base::Clock;
    use muster_protocol::latest::{DbDialect, OrderPayload, SqlStatement};

    use super::*;

    fn order(database: &str, risk: u8) -> OrderPayload {
        let clock = Clock::system();
        OrderPayload::Sql(Box::new(SqlSpec {
            execution: clock.new_id(),
            release: clock.new_id(),
            version: "1".to_owned(),
            sql_sha256: [0; 32],
            target: SqlTarget {
                server: clock.new_id(),
                dialect: DbDialect::Postgres,
                host: "127.0.0.1".to_owned(),
                port: 5432,
                username: "muster".to_owned(),
                password_secret: "password".to_owned(),
                database: database.to_owned(),
            },
            statements: vec![SqlStatement {
                sql: "select 1".to_owned(),
                transactional: true,
                risk,
            }],
            lock_timeout_ms: 1,
            statement_timeout_ms: 1,
            dry_run: false,
        }))
    }

    #[test]
    fn only_listed_databases_and_only_up_to_their_ceiling() {
        let text = "[[databases]]\nhost = \"127.*\"\nports = [\"5432\"]\nname = \"shop_*\"";
        let policy = Policy::parse(text, Path::new("p")).unwrap();
        assert_eq!(policy.check(&order("shop_prod", 1)), Ok(()));
        assert_eq!(
            policy.check(&order("shop_prod", 2)).unwrap_err().rule,
            "sql.max_risk"
        );
        let refusal = policy.check(&order("payroll", 0)).unwrap_err();
        assert_eq!(refusal.rule, "databases");
        assert!(
            refusal.message.contains("name = \"payroll\""),
            "{}",
            refusal.message
        );
    }

    #[test]
    fn an_entry_may_raise_or_lower_the_ceiling() {
        let text = "[[databases]]\nhost = \"127.0.0.1\"\nname = \"a\"\nmax_risk = \"unknown\"\n\
                    [[databases]]\nhost = \"127.0.0.1\"\nname = \"b\"\nmax_risk = \"none\"";
        let policy = Policy::parse(text, Path::new("p")).unwrap();
        assert_eq!(policy.check(&order("a", 3)), Ok(()));
        assert_eq!(policy.check(&order("b", 0)).unwrap_err().rule, "sql.max_risk");
    }

    #[test]
    fn scratch_databases_are_made_where_the_file_says_so() {
        let target = |database: &str| match order(database, 0) {
            OrderPayload::Sql(spec) => spec.target,
            _ => unreachable!(),
        };
        let text = "[sql]\nscratch = true\n[[databases]]\nhost = \"127.0.0.1\"\nname = \"a\"\nscratch = false\n\
                    [[databases]]\nhost = \"127.0.0.1\"\nname = \"b\"";
        let policy = Policy::parse(text, Path::new("p")).unwrap();
        assert_eq!(
            policy.check_scratch(&target("a")).unwrap_err().rule,
            "sql.scratch"
        );
        assert_eq!(policy.check_scratch(&target("b")), Ok(()));
        assert_eq!(policy.check_scratch(&target("c")).unwrap_err().rule, "databases");
        let silent = Policy::parse(
            "[[databases]]\nhost = \"127.0.0.1\"\nname = \"a\"",
            Path::new("p"),
        )
        .unwrap();
        assert_eq!(
            silent.check_scratch(&target("a")).unwrap_err().rule,
            "sql.scratch"
        );
    }

    #[test]
    fn without_a_file_no_database_is_touched() {
        assert_eq!(
            Policy::default().check(&order("shop", 0)).unwrap_err().rule,
            "databases"
        );
    }
}
