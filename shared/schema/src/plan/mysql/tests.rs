//! What plans say; that they are right is shown on real servers (`cargo measure schema-corpus`).

use crate::{Dialect, Plan, PlanOptions, Reverse, Risk, Schema, model::Server, plan, read, render};

fn schema(text: &str) -> Schema {
    read(Dialect::MySql, text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn on_mariadb(text: &str) -> Schema {
    let collations = [("utf8mb4", "utf8mb4_general_ci"), ("latin1", "latin1_swedish_ci")];
    Schema {
        server: Some(Server {
            version: "10.11.14-MariaDB".to_owned(),
            lower_case_names: false,
            collations: collations
                .map(|(charset, collation)| (charset.to_owned(), collation.to_owned()))
                .into(),
        }),
        charset: Some("utf8mb4".to_owned()),
        collation: Some("utf8mb4_general_ci".to_owned()),
        ..schema(text)
    }
}

fn planned(from: &Schema, to: &str) -> Plan {
    plan(from, &schema(to), &PlanOptions::default()).unwrap()
}

fn sql(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().map(|step| step.sql.as_str()).collect()
}

#[test]
fn all_changes_of_a_table_are_one_statement_and_so_is_the_way_back() {
    let from = on_mariadb("create table t (id int not null primary key, a int, b varchar(40), key k (a));");
    let plan = planned(
        &from,
        "create table t (b varchar(80) not null, id int not null primary key, c int default 1, key k (a2),
            a2 int -- @renamed from=a\n);",
    );
    assert_eq!(
        sql(&plan),
        [
            "alter table `t` modify column `b` varchar(80) not null first, add column `c` int(11) default 1 after `id`, \
          change column `a` `a2` int(11)"
        ]
    );
    assert_eq!(
        plan.steps[0].reverse,
        Reverse::one(
            "alter table `t` drop column `c`, change column `a2` `a` int(11), modify column `b` varchar(40) after `a`"
        ),
    );
}

#[test]
fn the_letters_of_an_index_s_name_make_no_other_index() {
    let from = on_mariadb("create table t (id int not null primary key, a int, b int, key IDX_A (a));");
    let same = planned(
        &from,
        "create table t (id int not null primary key, a int, b int, key idx_a (a));",
    );
    assert!(sql(&same).is_empty(), "{:?}", sql(&same));
    let other = planned(
        &from,
        "create table t (id int not null primary key, a int, b int, key idx_a (a, b));",
    );
    assert_eq!(
        sql(&other),
        ["alter table `t` drop index `IDX_A`, add key `IDX_A` (`a`, `b`)"]
    );
}

#[test]
fn what_a_server_reports_and_what_was_written_are_the_same() {
    let reported = on_mariadb(
        "create table t (id bigint(20) unsigned not null auto_increment, j longtext character set utf8mb4 collate utf8mb4_bin
            check (json_valid(`j`)), b tinyint(1) default 0, n varchar(10) character set utf8mb4 collate utf8mb4_general_ci,
            primary key (id)) engine = InnoDB default character set utf8mb4 collate utf8mb4_general_ci;",
    );
    let plan = planned(
        &reported,
        "create table t (id serial primary key, j json, b bool default false, n varchar(10), unique key dummy (n));",
    );
    assert_eq!(
        sql(&plan),
        ["alter table `t` add unique key `dummy` (`n`), add unique key `id` (`id`)"]
    );
}

#[test]
fn foreign_keys_go_first_and_come_last() {
    let from = on_mariadb(
        "create table a (id int not null primary key);
         create table b (a_id int not null, key k (a_id), constraint f foreign key (a_id) references a (id));",
    );
    let plan = planned(
        &from,
        "create table a (id bigint not null primary key);
         create table b (a_id bigint not null, key k (a_id), constraint f foreign key (a_id) references a (id));",
    );
    let sql = sql(&plan);
    assert_eq!(sql.len(), 4, "{sql:?}");
    assert_eq!(sql[0], "alter table `b` drop foreign key `f`");
    assert!(
        sql[3]
            .ends_with("add key `k` (`a_id`), add constraint `f` foreign key (`a_id`) references `a` (`id`)"),
        "{sql:?}"
    );
}

#[test]
fn drops_are_destructive_and_can_be_withheld() {
    let from = on_mariadb("create table t (a int, b int); create table u (a int);");
    let plan_all = planned(&from, "create table t (a int);");
    assert_eq!(plan_all.risk(), Risk::Destructive);
    let options = PlanOptions {
        drops: false,
        ..PlanOptions::default()
    };
    let kept = plan(&from, &schema("create table t (a int);"), &options).unwrap();
    assert!(kept.steps.is_empty(), "{:?}", sql(&kept));
    assert_eq!(kept.withheld.len(), 2);
    assert!(!kept.is_empty(), "what is kept is told");
}

#[test]
fn a_trigger_that_names_a_column_that_goes_stops_the_plan() {
    let trigger = "create trigger r before insert on t for each row set new.b = 1;";
    let from = on_mariadb(&format!("create table t (a int, b int); {trigger}"));
    let to = schema(&format!("create table t (a int); {trigger}"));
    let refusal = plan(&from, &to, &PlanOptions::default()).unwrap_err();
    assert!(refusal.to_string().contains("names the column b"), "{refusal}");
}

#[test]
fn what_only_a_server_can_name_is_not_guessed_from_files() {
    for text in [
        "create table t (a int, check (a > 0));",
        "create table t (a int check (a > 0));",
    ] {
        let to = schema("create table t (a int, b int);");
        let refusal = plan(&schema(text), &to, &PlanOptions::default()).unwrap_err();
        assert!(refusal.to_string().contains("has no name"), "{refusal}");
        assert!(plan(&on_mariadb(text), &to, &PlanOptions::default()).is_ok());
    }
    let refusal = plan(
        &schema(""),
        &schema(
            "create table u (id int primary key); create table t (a int, foreign key (a) references u (id)) engine = MyISAM;",
        ),
        &PlanOptions::default(),
    );
    assert!(refusal.unwrap_err().to_string().contains("keeps no foreign keys"));
}

#[test]
fn a_server_that_keeps_lower_case_finds_its_tables() {
    let mut from =
        on_mariadb("create table users (id int not null primary key, name varchar(10), key k (name));");
    if let Some(server) = &mut from.server {
        server.lower_case_names = true;
    }
    let plan = planned(
        &from,
        "create table Users (id int not null primary key, name varchar(10), key k (name(10)));",
    );
    assert!(plan.is_empty(), "{:?}", sql(&plan));
}

#[test]
fn what_is_rendered_is_read_again() {
    let text = "create table u (id int not null primary key) comment 'it''s';
        create table t (id int unsigned not null auto_increment, u_id int, e enum('a', 'b''c') not null default 'a',
            g int generated always as (id * 2) stored, at timestamp(3) null default current_timestamp(3) on update current_timestamp(3),
            primary key (id), key k (u_id, g desc), constraint c check (id > 0),
            constraint f foreign key (u_id) references u (id) on delete set null)
            partition by hash (id) partitions 4;
        create view v as select id from t;
        create trigger r after insert on u for each row begin insert into t (id) values (new.id); end;";
    let first = schema(text);
    let rendered = render(&first).unwrap();
    let again = schema(&(rendered.join(";\n") + ";"));
    let plan = plan(&first, &again, &PlanOptions::default()).unwrap();
    assert!(plan.is_empty(), "{:?}", sql(&plan));
}
