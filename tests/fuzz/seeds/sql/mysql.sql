create table `t` (id int auto_increment primary key, j json, key k (id)) engine=InnoDB comment 'it''s; "x"';
alter table t modify a bigint not null, rename index k to l, add fulltext index f (note); # ;
replace into t values (1, 'a\';b'); insert ignore into t select * from u where a = 5--1;
rename table a to b, c to d; truncate table t; drop database if exists x;
set foreign_key_checks = 0; set @a = 1; optimize table t;
delimiter //
create procedure p() begin select 1; select 2; end//
delimiter ;
update t join u on t.id = u.id set t.a = u.a where u.b is not null limit 3;
