//! A live database beside a design: what is different there, and what would take it back.
//!
//! Compared is what designs can say: tables and views. What they can't (types of one's own, triggers, routines, extensions) is
//! named as not compared, never passed over; so is a table that no document can hold, unless the design has it, for then
//! somebody made it what it is.

use std::collections::BTreeSet;

use muster_base::sha256;
use muster_documents::{Design, DesignFault, carried, on_server_of};
use muster_schema::{LeftOver, PlanOptions, Schema, Step, left_over, model::Name, plan};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{NotCarriedObject, RiskLevel};

/// Differences that are told one by one.
const MOST: usize = 1_000;
const MOST_SQL: usize = 512 * 1024;
/// `DriftDifference::kind` of what a build that broke off has left behind.
const INVALID_INDEX: &str = "invalid index";
/// Of one difference.
const MOST_OF_ONE: usize = 4 * 1024;

/// Something that is not as it was designed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DriftDifference {
    /// `table`, `column`, `index`, `foreign key`…
    pub kind: String,
    /// Its name; of a part of a table `table.part`.
    pub name: String,
    /// What somebody has done there, as SQL.
    pub sql: String,
    /// Of an invalid index, which a build that broke off has left behind: what rebuilds it, or removes it where nobody designed it.
    /// Null of everything else.
    #[serde(default)]
    #[schema(required)]
    pub remedy: Option<String>,
}

/// What came of a comparison.
#[derive(Debug, Clone, Default)]
pub(super) struct Compared {
    /// How many there are.
    pub(super) count: usize,
    /// The first of them.
    pub(super) differences: Vec<DriftDifference>,
    pub(super) left_out: Vec<NotCarriedObject>,
    /// What would make it as it was designed.
    pub(super) back_sql: String,
    /// How dangerous that would be.
    pub(super) back_risk: Option<RiskLevel>,
    /// A digest of all that is different; empty if nothing is.
    pub(super) finding: String,
}

/// What is different; the error says what is not understood.
pub(super) fn compare(design: &Design, live: &Schema) -> Result<Compared, String> {
    let expected = design.schema().map_err(told_faults)?;
    let (part, left) = carried(live, &expected);
    let left_out = left.into_iter().map(|left| NotCarriedObject {
        object: left.object,
        reason: left.reason,
    });
    let expected = on_server_of(expected, &part);
    let options = PlanOptions::default();
    let done = plan(&expected, &part, &options).map_err(|refusal| refusal.to_string())?;
    let back = plan(&part, &expected, &options).map_err(|refusal| refusal.to_string())?;
    let broken = left_over(&part);
    let steps = if done.is_empty() { &back.steps } else { &done.steps };
    // An index that is told of as invalid is not told of twice.
    let steps: Vec<&Step> = steps.iter().filter(|step| !is_of(step, &broken)).collect();
    let mut differences = Vec::new();
    let mut told = 0;
    for one in broken.iter().take(MOST) {
        let sql = shortened(&one.definition);
        told += sql.len();
        if told > MOST_SQL {
            break;
        }
        let designed = has_index(&expected, one);
        differences.push(DriftDifference {
            kind: INVALID_INDEX.to_owned(),
            name: one.index.to_string(),
            sql,
            remedy: Some(shortened(if designed { &one.rebuild } else { &one.remove })),
        });
    }
    for step in steps.iter().take(MOST - differences.len()) {
        let sql = shortened(&step.sql);
        told += sql.len();
        if told > MOST_SQL {
            break;
        }
        differences.push(DriftDifference {
            kind: step.object.kind.clone(),
            name: step.object.name.clone(),
            sql,
            remedy: None,
        });
    }
    let mut back_sql = back.sql();
    if back_sql.len() > MOST_SQL {
        back_sql = format!("-- {} statements: more than are told here\n", back.steps.len());
    }
    Ok(Compared {
        count: broken.len() + steps.len(),
        finding: finding(&broken, &steps),
        differences,
        left_out: left_out.take(MOST).collect(),
        back_risk: (!back.is_empty()).then(|| back.risk().into()),
        back_sql,
    })
}

/// Where nothing is known of what should be there: what of a design's tables and views is there already, whatever it looks
/// like. Anything else there is none of its business.
pub(super) fn in_the_way(design: &Design, mut live: Schema) -> Result<Compared, String> {
    let made = design.schema().map_err(told_faults)?;
    let made = |name: &Name| made.tables.contains_key(name) || made.views.contains_key(name);
    live.tables.retain(|name, _| made(name));
    live.views.retain(|name, _| made(name));
    let tables = live.tables.keys().map(|name| ("table", name.to_string()));
    let views = live.views.keys().map(|name| ("view", name.to_string()));
    let names: Vec<(&str, String)> = tables.chain(views).collect();
    if names.is_empty() {
        return Ok(Compared::default());
    }
    // Also what no document can hold is in the way, and can't be compared.
    let mut compared = compare(&Design::empty(design.dialect), &live).unwrap_or_default();
    let told: BTreeSet<String> = compared.differences.iter().map(|one| one.name.clone()).collect();
    for (kind, name) in names.into_iter().filter(|(_, name)| !told.contains(name)) {
        compared.count += 1;
        compared.differences.push(DriftDifference {
            kind: kind.to_owned(),
            name,
            sql: String::new(),
            remedy: None,
        });
    }
    Ok(compared)
}

/// As [`compare`], of what one of these designs has.
pub(super) fn compare_own(design: &Design, made: &Design, mut live: Schema) -> Result<Compared, String> {
    let (before, after) = (
        design.schema().map_err(told_faults)?,
        made.schema().map_err(told_faults)?,
    );
    let own = |name: &Name| {
        [&before, &after]
            .iter()
            .any(|of| of.tables.contains_key(name) || of.views.contains_key(name))
    };
    live.tables.retain(|name, _| own(name));
    live.views.retain(|name, _| own(name));
    compare(design, &live)
}

fn told_faults(faults: Vec<DesignFault>) -> String {
    let said = faults
        .into_iter()
        .map(|fault| format!("{} {}: {}", fault.object, fault.path, fault.message));
    said.collect::<Vec<_>>().join("; ")
}

/// Whether it makes or drops one of these indexes.
fn is_of(step: &Step, broken: &[LeftOver]) -> bool {
    let mut broken = broken.iter();
    step.object.kind == "index" && broken.any(|one| one.index.to_string() == step.object.name)
}

/// Whether it is designed.
fn has_index(expected: &Schema, one: &LeftOver) -> bool {
    let of_table = expected.tables.get(&one.on).map(|table| &table.indexes);
    let of_view = expected.views.get(&one.on).map(|view| &view.indexes);
    of_table
        .or(of_view)
        .is_some_and(|indexes| indexes.contains_key(&one.index.name))
}

/// One finding is the same at every look.
fn finding(broken: &[LeftOver], steps: &[&Step]) -> String {
    if broken.is_empty() && steps.is_empty() {
        return String::new();
    }
    let invalid = broken
        .iter()
        .map(|one| format!("{INVALID_INDEX}\0{}\0{}\0", one.index, one.definition));
    let told = invalid.chain(
        steps
            .iter()
            .map(|step| format!("{}\0{}\0{}\0", step.object.kind, step.object.name, step.sql)),
    );
    sha256(told.collect::<String>().as_bytes()).to_string()
}

/// As much of a statement as a person reads.
fn shortened(sql: &str) -> String {
    if sql.len() <= MOST_OF_ONE {
        return sql.to_owned();
    }
    let end = (0..=MOST_OF_ONE).rev().find(|end| sql.is_char_boundary(*end));
    format!("{}…", &sql[..end.unwrap_or(0)])
}

#[cfg(test)]
mod tests {
    use muster_documents::{DesignTable, import};
    use muster_schema::{Dialect, read};

    use super::*;

    /// A design that was taken over from this DDL.
    fn design(sql: &str) -> Design {
        let schema = read(Dialect::Postgres, sql).unwrap();
        let mut design = Design::empty(Dialect::Postgres);
        for (nth, (name, table)) in (1..).zip(import(&schema, "shop").tables) {
            design.tables.push(DesignTable {
                id: uuid::Uuid::from_u128(nth),
                name,
                table,
                sql_script: None,
            });
        }
        design
    }

    fn compared(designed: &str, live: &str) -> Compared {
        compare(&design(designed), &read(Dialect::Postgres, live).unwrap()).unwrap()
    }

    const SHOP: &str = "create table org (id bigserial primary key, name text not null);
        create table account (id bigint primary key, org_id bigint references org (id), mail varchar(80));
        create index account_by_mail on account (mail);";

    #[test]
    fn what_is_as_designed_is_no_drift() {
        let same = compared(SHOP, SHOP);
        assert_eq!((same.differences.len(), same.back_sql.as_str()), (0, ""));
        assert_eq!((same.back_risk, same.finding.as_str()), (None, ""));
    }

    #[test]
    fn what_somebody_did_by_hand_is_told_and_how_it_is_taken_back() {
        let there = format!("{SHOP} alter table account add column note text; create table extra (id int);");
        let seen = compared(SHOP, &there);
        let names: Vec<&str> = seen.differences.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names.len(), 2, "{names:?}");
        assert!(
            seen.differences
                .iter()
                .any(|one| one.sql.contains("add column note"))
        );
        assert!(seen.back_sql.contains("drop column note"), "{}", seen.back_sql);
        assert!(seen.back_sql.contains("drop table"), "{}", seen.back_sql);
        let more = format!("{there} create table third (id int);");
        assert_eq!(seen.finding, compared(SHOP, &there).finding);
        assert_ne!(seen.finding, compared(SHOP, &more).finding);
        assert_eq!(seen.back_risk, Some(RiskLevel::Destructive));
    }

    #[test]
    fn an_index_that_a_build_left_behind_says_so_and_what_mends_it() {
        let broken = |sql: &str, own: &str| {
            let mut live = read(Dialect::Postgres, sql).unwrap();
            for table in live.tables.values_mut() {
                if let Some(index) = table.indexes.get_mut(own) {
                    index.invalid = true;
                }
            }
            compare(&design(SHOP), &live).unwrap()
        };
        // What is designed is rebuilt, beside whatever else is different; what nobody designed goes.
        let seen = broken(&format!("{SHOP} create table extra (id int);"), "account_by_mail");
        let told: Vec<_> = seen
            .differences
            .iter()
            .map(|one| (one.kind.as_str(), one.name.as_str(), one.remedy.as_deref()))
            .collect();
        assert_eq!(
            told,
            [
                (
                    "invalid index",
                    "public.account_by_mail",
                    Some("reindex index concurrently public.account_by_mail")
                ),
                ("table", "public.extra", None),
            ]
        );
        assert_eq!(seen.count, 2);
        assert!(
            seen.back_sql.contains("create index account_by_mail"),
            "{}",
            seen.back_sql
        );
        let alone = broken(SHOP, "account_by_mail");
        assert_eq!((alone.count, alone.differences.len()), (1, 1));
        assert_ne!(alone.finding, seen.finding);
        let stray = format!("{SHOP} create index account_by_org_ccnew on account (org_id);");
        let seen = broken(&stray, "account_by_org_ccnew");
        assert_eq!(seen.count, 1, "{:?}", seen.differences);
        assert_eq!(
            seen.differences[0].remedy.as_deref(),
            Some("drop index concurrently public.account_by_org_ccnew")
        );
    }

    #[test]
    fn what_no_design_can_say_is_named() {
        let there = format!(
            "create extension citext; create type mood as enum ('a'); {SHOP}
             create table felt (id int primary key, mood mood);"
        );
        let seen = compared(SHOP, &there);
        let named: Vec<&str> = seen.left_out.iter().map(|one| one.object.as_str()).collect();
        assert!(named.contains(&"extension citext"), "{named:?}");
        assert!(
            named.iter().any(|one| one.starts_with("enumeration")),
            "{named:?}"
        );
        let told = seen.differences.iter().any(|one| one.name.contains("felt"));
        assert!(told || named.iter().any(|one| one.contains("felt")), "{named:?}");
    }

    #[test]
    fn before_anything_is_known_only_what_is_to_be_made_is_in_the_way() {
        let there =
            "create table other (id int); create table account (id bigint, felt text[] default '{}');";
        let live = read(Dialect::Postgres, there).unwrap();
        let seen = in_the_way(&design(SHOP), live).unwrap();
        let names: Vec<&str> = seen.differences.iter().map(|one| one.name.as_str()).collect();
        assert_eq!((names.as_slice(), seen.count), (["public.account"].as_slice(), 1));
        let live = read(Dialect::Postgres, "create table other (id int);").unwrap();
        assert_eq!(in_the_way(&design(SHOP), live).unwrap().count, 0);
    }

    #[test]
    fn what_no_design_has_is_no_difference_for_a_release() {
        let there = format!("{SHOP} create table legacy (id int);");
        let live = || read(Dialect::Postgres, &there).unwrap();
        let more = design(&format!("{SHOP} create table coming (id int);"));
        assert_eq!(compare_own(&design(SHOP), &more, live()).unwrap().count, 0);
        // What the release makes is there already.
        let more = design(&format!("{SHOP} create table legacy (id int);"));
        assert_eq!(compare_own(&design(SHOP), &more, live()).unwrap().count, 1);
        let changed = read(Dialect::Postgres, &there.replace("mail varchar(80)", "mail text")).unwrap();
        assert_eq!(
            compare_own(&design(SHOP), &design(SHOP), changed).unwrap().count,
            1
        );
    }

    #[test]
    fn a_designed_table_that_no_document_can_hold_any_more_is_a_difference_and_not_gone() {
        let there = format!("{SHOP} create index account_by_length on account (length(mail));");
        let seen = compared(SHOP, &there);
        assert!(
            seen.differences
                .iter()
                .any(|one| one.sql.contains("account_by_length")),
            "{:?}",
            seen.differences
        );
        assert!(!seen.back_sql.contains("create table"), "{}", seen.back_sql);
    }
}
