//! Names that are words of SQL, so that everybody must quote them.

use crate::lint::{Check, Place, Rule, Severity, Table};
use crate::{Dialect, render::quoted_name};

pub(in crate::lint) const RESERVED_NAME: Rule = Rule {
    name: "reserved-name",
    severity: Some(Severity::Warning),
    check: Check::Table(check),
};

/// MySQL's reserved words; MariaDB's are nearly the same.
const MYSQL: &str = "accessible add all alter analyze and as asc asensitive before between bigint binary blob both by call \
    cascade case change char character check collate column condition constraint continue convert create cross \
    cube cume_dist current_date current_time current_timestamp current_user cursor database databases day_hour \
    day_microsecond day_minute day_second dec decimal declare default delayed delete dense_rank desc describe \
    deterministic distinct distinctrow div double drop dual each else elseif empty enclosed escaped except \
    exists exit explain false fetch first_value float float4 float8 for force foreign from fulltext function \
    generated get grant group grouping groups having high_priority hour_microsecond hour_minute hour_second if \
    ignore in index infile inner inout insensitive insert int int1 int2 int3 int4 int8 integer intersect \
    interval into is iterate join json_table key keys kill lag last_value lateral lead leading leave left like \
    limit linear lines load localtime localtimestamp lock long longblob longtext loop low_priority match \
    maxvalue mediumblob mediumint mediumtext middleint minute_microsecond minute_second mod modifies natural \
    not nth_value ntile null numeric of offset on optimize option optionally or order out outer outfile over \
    partition percent_rank precision primary procedure purge range rank read reads real recursive references \
    regexp release rename repeat replace require resignal restrict return revoke right rlike row row_number \
    rows schema schemas second_microsecond select sensitive separator set show signal smallint spatial \
    specific sql sqlexception sqlstate sqlwarning ssl starting stored straight_join system table terminated \
    then tinyblob tinyint tinytext to trailing trigger true undo union unique unlock unsigned update usage use \
    using utc_date utc_time utc_timestamp values varbinary varchar varcharacter varying virtual when where \
    while window with write xor year_month zerofill";

fn check(table: &Table<'_>, report: &mut dyn FnMut(Place<'_>, String)) {
    let is_word = |name: &str| {
        let lower = name.to_ascii_lowercase();
        match table.dialect {
            Dialect::Postgres => {
                let is_plain = lower.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
                is_plain && quoted_name(table.dialect, &lower) != lower
            }
            Dialect::MySql => MYSQL.split(' ').any(|word| word == lower),
        }
    };
    if is_word(&table.name.name) {
        report(
            Place::Table,
            format!(
                "{} is a word of SQL: as a table's name it must be quoted everywhere",
                table.name.name
            ),
        );
    }
    for column in table.of.columns.iter().filter(|column| is_word(&column.name)) {
        report(
            Place::Column(&column.name),
            format!(
                "{} is a word of SQL: as a column's name it must be quoted everywhere",
                column.name
            ),
        );
    }
}
