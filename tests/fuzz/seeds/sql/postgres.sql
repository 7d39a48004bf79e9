create table t (id bigint generated always as identity primary key, a int not null default 0, note text);
create unique index concurrently i on t (a) where a > 1;
alter table t add column b int, drop column note cascade;
-- a comment; not a statement
insert into t (a) values (1), (2) on conflict (id) do update set a = excluded.a;
update t set a = a + 1 where id in (select id from t where a between 1 and 3);
with gone as (delete from t returning *) select count(*) from gone;
create function f() returns int language sql as $f$ select ';$$;'; $f$;
create procedure p() begin atomic insert into t values (case 1 when 1 then 2 end); select 1; end;
alter type mood add value if not exists 'it''s' before 'sad';
vacuum (analyze) t; reindex table concurrently t; set search_path to app, public;
select e'a\';b' /* a /* ; */ ; */, "q;", $1::int[], now() - interval '1 day';
