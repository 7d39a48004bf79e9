use Dialect::{MySql, Postgres};

use super::*;

fn of(dialect: Dialect, text: &str) -> RowChange {
    row_change(dialect, text).unwrap().unwrap()
}

#[test]
fn one_table_is_counted_and_kept_by_the_condition_as_it_stands() {
    let change = of(
        Postgres,
        "update \"Orders\" as o set note = (select x from y where y.id = o.id) where o.at < now() -- old\n and 'where' <> $$;$$",
    );
    assert_eq!(
        change.count(),
        "select count(*) from \"Orders\" as o where o.at < now() -- old\n and 'where' <> $$;$$\n"
    );
    assert_eq!(
        change.keep("zz_aside_1_o", &[]),
        "create table public.zz_aside_1_o as select * from \"Orders\" as o where o.at < now() -- old\n and 'where' <> $$;$$\n"
    );
    assert_eq!(
        (change.deletes, change.assigned),
        (false, vec!["note".to_owned()])
    );
    let change = of(MySql, "delete from t where a = 1 # all");
    assert_eq!(
        change.fill("k", &["a".to_owned(), "b`c".to_owned()]),
        "insert into `k` (`a`, `b``c`) select `a`, `b``c` from t where a = 1 # all\nfor update"
    );
    assert_eq!(
        change.put_back("k"),
        ["insert into `t` select * from `k`", "drop table `k`"]
    );
    assert_eq!(of(MySql, "delete from t").count(), "select count(*) from t ");
    assert_eq!(of(Postgres, "delete from shop.t").namespace(), "shop");
}

#[test]
fn what_touches_no_row_that_is_there_needs_nothing() {
    for text in ["insert into t values (1)", "select 1", "create table t (a int)"] {
        assert_eq!(row_change(Postgres, text), Ok(None), "{text}");
    }
}

#[test]
fn what_is_not_one_table_s_change_is_said_and_never_guessed() {
    for (dialect, text, why) in [
        (Postgres, "update t set a = 1 from u where t.id = u.id", "joins"),
        (Postgres, "delete from t using u where t.id = u.id", "joins"),
        (Postgres, "delete from t where a = 1 returning a", "RETURNING"),
        (
            Postgres,
            "with x as (select 1) delete from t where a in (select * from x)",
            "plain",
        ),
        (
            Postgres,
            "with x as (delete from t returning *) select * from x",
            "plain",
        ),
        (Postgres, "delete from only t where a = 1", "ONLY"),
        (Postgres, "delete from t where random() < 0.5", "random()"),
        (Postgres, "delete from t where a in (select f(1))", "f()"),
        (Postgres, "truncate t", "TRUNCATE"),
        (
            Postgres,
            "insert into t values (1) on conflict (a) do update set a = 2",
            "plain",
        ),
        (
            Postgres,
            "merge into t using u on t.id = u.id when matched then delete",
            "plain",
        ),
        (MySql, "update t join u on t.id = u.id set t.a = 1", "joins"),
        (MySql, "delete t from t join u on t.id = u.id", "join"),
        (MySql, "delete from t where a = 1 limit 5", "LIMIT"),
        (MySql, "update t set a = 1 order by b", "ORDER BY"),
        (MySql, "delete from other.t where a = 1", "database"),
        (MySql, "delete from t where uuid() = a", "uuid()"),
        (MySql, "replace into t values (1)", "plain"),
        (MySql, "update t set a = 1 where (@n := @n + 1) < 5", ""),
    ] {
        let told = row_change(dialect, text).unwrap_err().to_string();
        assert!(told.contains(why), "{text}: {told}");
    }
}

#[test]
fn names_fit() {
    assert_eq!(
        kept_rows_name(MySql, "261130rab", "orders"),
        "zz_aside_261130rab_orders"
    );
    assert_eq!(kept_rows_name(Postgres, "261130rab", &"é".repeat(60)).len(), 63);
}

#[test]
fn all_rows_of_a_table_can_be_asked_for() {
    for (dialect, asked) in [
        (
            Dialect::Postgres,
            "select count(*) from shop.\"Order\" where id is null or id is not null",
        ),
        (
            Dialect::MySql,
            "select count(*) from `Order` where `id` is null or `id` is not null",
        ),
    ] {
        let namespace = if dialect == Dialect::Postgres { "shop" } else { "" };
        let sql = every_row(dialect, &crate::model::Name::new(namespace, "Order"), "id");
        let change = row_change(dialect, &sql).unwrap().unwrap();
        assert_eq!(change.count().trim_end(), asked);
    }
}
