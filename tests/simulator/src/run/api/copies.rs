//! Many rows out of one: copies of a row that the API or [`seeds`](super::seeds) made, in which the ids, the names and
//! whatever else must be a row's own is made anew. What the copies hold is what the product wrote itself.

use super::database::Database;
use anyhow::{Result, ensure};
use uuid::Uuid;

/// What a copy has in a column; all others are as they are in the original.
#[derive(Clone, Copy)]
pub(super) enum How {
    /// An id of its own.
    Id,
    /// The id of the copy of another table that has the same number.
    Of(&'static str),
    /// The same, but so many copies belong to one.
    OfEach(&'static str, usize),
    /// The original's, and the number.
    Name,
    /// The original's plus the number.
    Number,
    /// Bytes that no other has.
    Fresh,
    /// Nothing.
    Null,
    /// SQL.
    Sql(&'static str),
}

/// A table that is filled.
pub(super) struct Copies {
    table: &'static str,
    /// Which row is copied: the newest of those that meet this, by the column after it.
    of: &'static str,
    newest_by: &'static str,
    /// How many copies the measured org gets.
    count: usize,
    /// And how many all the others together: rows that a list has to do without.
    others: usize,
    columns: &'static [(&'static str, How)],
}

use How::{Fresh, Id, Name, Null, Number, Of, OfEach, Sql};

const ORG: &str = "org_id = {org}";
const ID: (&str, How) = ("id", Id);
const NAMED: &[(&str, How)] = &[ID, ("name", Name)];
/// Each thing of an org that has many has this many copies elsewhere, in all.
const ELSEWHERE: usize = 20_000;

/// Copies of a row of the org that has an id.
const fn of_org(table: &'static str, count: usize, columns: &'static [(&'static str, How)]) -> Copies {
    Copies {
        table,
        of: ORG,
        newest_by: "id",
        count,
        others: if count < 500 { 0 } else { ELSEWHERE },
        columns,
    }
}

/// Copies of a row of the org that is over, so that nothing goes on with the copies.
const fn of_ended(
    table: &'static str,
    ended: &'static str,
    count: usize,
    columns: &'static [(&'static str, How)],
) -> Copies {
    let of = match ended.as_bytes() {
        b"completed_at" => "org_id = {org} and completed_at is not null",
        b"resolved_at" => "org_id = {org} and resolved_at is not null",
        _ => "org_id = {org} and ended_at is not null",
    };
    Copies {
        of,
        ..of_org(table, count, columns)
    }
}

/// Copies of a row that is found in another way, and that only the measured org has.
const fn of_row(
    table: &'static str,
    (of, newest_by): (&'static str, &'static str),
    count: usize,
    columns: &'static [(&'static str, How)],
) -> Copies {
    Copies {
        table,
        of,
        newest_by,
        count,
        others: 0,
        columns,
    }
}

/// In the order in which they refer to each other. Where the product has a limit (500 rules of alerts), it is kept.
pub(super) static COPIES: &[Copies] = &[
    of_org("clusters", 1_000, NAMED),
    of_org("environments", 200, NAMED),
    of_org("departments", 2_000, NAMED),
    of_org("hosts", 2_000, NAMED),
    of_org("host_accounts", 45, &[ID, ("username", Name)]),
    of_org("instances", 10_000, &[ID, ("instance_id", Name), ("name", Name)]),
    of_org("join_tokens", 5_000, &[ID, ("hash", Fresh)]),
    of_org("invitations", 5_000, &[ID, ("token_hash", Fresh)]),
    of_org("permission_templates", 1_000, NAMED),
    of_org("roles", 1_000, &[ID, ("code", Name)]),
    of_org("api_keys", 5_000, &[ID, ("hash", Fresh)]),
    of_org("registries", 1_000, NAMED),
    of_org("secret_groups", 2_000, NAMED),
    of_org("secrets", 10_000, NAMED),
    of_row(
        "secret_versions",
        ("secret_id = {secrets}", "version"),
        200,
        &[("version", Number)],
    ),
    of_org("secret_providers", 1_000, NAMED),
    of_org("secret_syncs", 5_000, &[ID]),
    of_org(
        "applications",
        2_000,
        &[ID, ("name", Name), ("repository", Null), ("repository_key", Null)],
    ),
    of_row("env_vars", ("application_id = {applications}", "id"), 200, NAMED),
    of_org(
        "env_vars",
        10_000,
        &[ID, ("application_id", OfEach("applications", 5)), ("owner", Name)],
    ),
    of_row(
        "versions",
        ("application_id = {applications}", "place"),
        5_000,
        &[("version", Name), ("place", Number)],
    ),
    of_org("webhook_guards", 50, &[ID, ("environment", Name)]),
    of_org("webhook_refusals", 1_000, &[ID]),
    of_ended(
        "deployments",
        "completed_at",
        20_000,
        &[ID, ("idempotency_key", Null), ("version", Name)],
    ),
    of_row(
        "deployment_hosts",
        ("deployment_id = {deployments}", "host_id"),
        20_000,
        &[
            ("deployment_id", Of("deployments")),
            ("order_id", Null),
            ("back_order_id", Null),
        ],
    ),
    of_row(
        "placements",
        ("application_id = {applications}", "host_id"),
        1_000,
        &[("host_id", Of("hosts"))],
    ),
    of_ended("work_orders", "ended_at", 20_000, &[ID, ("sequence", Null)]),
    of_org("hub_images", 5_000, NAMED),
    of_row(
        "image_words",
        (ORG, "code"),
        200,
        &[("code", Name), ("name", Name)],
    ),
    of_row(
        "files",
        ("id = {files}", "id"),
        20_000,
        &[ID, ("name", Name), ("search", Name)],
    ),
    of_org("file_uploads", 2_000, &[ID]),
    of_org("file_sends", 5_000, &[ID]),
    of_row(
        "file_send_files",
        ("send_id = {sends}", "file_id"),
        5_000,
        &[("send_id", Of("file_sends"))],
    ),
    of_row(
        "file_send_targets",
        ("send_id = {sends}", "id"),
        5_000,
        &[ID, ("send_id", Of("file_sends")), ("order_id", Null)],
    ),
    of_row(
        "file_send_targets",
        ("send_id = {sends}", "id"),
        2_000,
        &[ID, ("order_id", Null)],
    ),
    of_org("db_servers", 1_000, &[ID, ("label", Name)]),
    // Projects, and then tables, of which there is the newest document.
    of_row("documents", ("id = {documents}", "id"), 2_000, NAMED),
    of_org("documents", 10_000, NAMED),
    of_row(
        "document_revisions",
        ("document_id = {documents}", "revision"),
        2_000,
        &[("revision", Number)],
    ),
    of_org("git_hooks", 15, &[ID]),
    of_org("git_pushes", 1_000, &[ID, ("call_key", Name)]),
    of_row(
        "git_wishes",
        ("hook_id = {projects/hooks}", "id"),
        1_000,
        &[ID, ("push_id", Of("git_pushes"))],
    ),
    of_org("tickets", 10_000, &[ID, ("version", Name), ("corrects", Null)]),
    of_row(
        "ticket_servers",
        ("ticket_id = {tickets}", "server_id"),
        10_000,
        &[("ticket_id", Of("tickets"))],
    ),
    of_row(
        "ticket_steps",
        ("ticket_id = {tickets}", "position"),
        10_000,
        &[("ticket_id", Of("tickets"))],
    ),
    of_row(
        "ticket_events",
        ("ticket_id = {tickets}", "position"),
        10_000,
        &[("ticket_id", Of("tickets"))],
    ),
    of_org(
        "releases",
        10_000,
        &[ID, ("ticket_id", Of("tickets")), ("version", Name)],
    ),
    of_ended(
        "executions",
        "ended_at",
        10_000,
        &[ID, ("order_id", Null), ("wish_id", Null)],
    ),
    of_ended("release_rollouts", "ended_at", 1_000, &[ID]),
    of_org("set_asides", 5_000, &[ID]),
    of_org("alert_receivers", 95, NAMED),
    of_org(
        "alert_rules",
        480,
        &[ID, ("name", Name), ("enabled", Sql("false"))],
    ),
    of_org("alert_silences", 480, &[ID]),
    of_ended("alerts", "resolved_at", 20_000, &[ID]),
    of_row(
        "alerts",
        ("org_id = {org} and state = 'firing'", "id"),
        1_000,
        &[ID, ("host_id", Of("hosts"))],
    ),
    of_row(
        "messages",
        ("user_id = {owner}", "id"),
        10_000,
        &[ID, ("read_at", Null)],
    ),
    of_row(
        "messages",
        ("user_id = {owner}", "id"),
        10_000,
        &[ID, ("user_id", Sql("{member}"))],
    ),
    of_row("outbox", ("true", "id"), 20_000, &[ID]),
    of_row("platforms", ("id = {platform}", "id"), 200, &[ID, ("code", Name)]),
    of_row("binding_types", ("true", "code"), 100, &[ID, ("code", Name)]),
    of_row(
        "devices",
        ("user_id = {owner}", "id"),
        95,
        &[ID, ("token_hash", Fresh)],
    ),
    of_row("modules", ("platform_id = {platform}", "id"), 95, NAMED),
    of_row(
        "operations",
        ("platform_id = {platform}", "id"),
        950,
        &[ID, ("module_id", OfEach("modules", 10)), ("code", Name)],
    ),
    of_row(
        "audit_log",
        ("scope = {orgText}", "seq"),
        50_000,
        &[ID, ("seq", Number)],
    ),
    of_row(
        "containers",
        ("host_id = {hosts}", "name"),
        500,
        &[("name", Name)],
    ),
    of_row(
        "containers",
        ("host_id = {hosts}", "name"),
        40_000,
        &[("host_id", OfEach("hosts", 20)), ("name", Name)],
    ),
];

/// What the copies are made in.
pub(super) struct Ground<'a> {
    /// When the oldest copies were made, in milliseconds.
    pub(super) since_ms: i64,
    /// The other orgs.
    pub(super) others: &'a [Uuid],
    /// The share of what each table would have, in percent: for trying.
    pub(super) percent: usize,
}

impl Copies {
    /// Makes them; `spell` puts words of SQL in the place of names in braces.
    pub(super) async fn make(
        &self,
        database: &mut Database,
        ground: &Ground<'_>,
        spell: &impl Fn(&str) -> Result<String>,
    ) -> Result<()> {
        let columns = database.columns(self.table).await?;
        let share = |count: usize| (count * ground.percent).div_ceil(100);
        let (count, others) = (share(self.count), share(self.others));
        for (first, last, elsewhere) in [(1, count, false), (count + 1, count + others, true)] {
            if last < first || (elsewhere && ground.others.is_empty()) {
                continue;
            }
            let sql = self.sql(database, ground, &columns, (first, last, elsewhere));
            let rows = database.run(self.table, spell(&sql)?).await?;
            ensure!(
                rows > 0,
                "there is no row of {} to copy ({}): make one",
                self.table,
                self.of
            );
        }
        Ok(())
    }

    fn sql(
        &self,
        database: &Database,
        ground: &Ground<'_>,
        columns: &[String],
        (first, last, elsewhere): (usize, usize, bool),
    ) -> String {
        let quoted: Vec<String> = columns.iter().map(|name| format!("\"{name}\"")).collect();
        let values: Vec<String> = columns
            .iter()
            .map(|name| {
                if elsewhere && name == "org_id" {
                    return other_org(database, ground.others);
                }
                let how = self.columns.iter().find(|(column, _)| column == name);
                how.map_or_else(
                    || format!("p.\"{name}\""),
                    |(_, how)| self.value(database, ground, name, *how, elsewhere),
                )
            })
            .collect();
        format!(
            "insert into {table} ({into}) select {values} \
             from (select * from {table} where {of} order by {newest} desc limit 1) p cross join {numbers}",
            table = self.table,
            into = quoted.join(", "),
            values = values.join(", "),
            of = self.of,
            newest = self.newest_by,
            numbers = database.numbers(first, last),
        )
    }

    fn value(
        &self,
        database: &Database,
        ground: &Ground<'_>,
        name: &str,
        how: How,
        elsewhere: bool,
    ) -> String {
        let kind = usize::from(elsewhere);
        let id_of = |table: &str, number: &str| {
            let of = COPIES.iter().position(|copies| copies.table == table);
            database.numbered(ground.since_ms, of.unwrap_or(COPIES.len()), kind, number)
        };
        match how {
            Id => {
                let of = COPIES.iter().position(|copies| std::ptr::eq(copies, self));
                database.numbered(ground.since_ms, of.unwrap_or(COPIES.len()), kind, "n.n")
            }
            Of(table) => id_of(table, "n.n"),
            OfEach(table, each) => id_of(table, &format!("(n.n - 1) / {each} + 1")),
            Name => format!("p.\"{name}\" || '-' || n.n"),
            Number => format!("p.\"{name}\" + n.n"),
            Fresh => database.fresh().to_owned(),
            Null => "null".to_owned(),
            Sql(sql) => sql.to_owned(),
        }
    }
}

/// One of the other orgs, by turns.
fn other_org(database: &Database, others: &[Uuid]) -> String {
    let each = others
        .iter()
        .enumerate()
        .map(|(place, org)| format!("when {place} then {}", database.id(*org)));
    let each: Vec<_> = each.collect();
    format!("case n.n % {} {} end", others.len(), each.join(" "))
}
