//! What PostgreSQL is asked. Every name comes qualified, because each query empties `search_path` for its
//! transaction before it deparses anything. Members of extensions and the server's own objects are left out.

use super::super::Query;

/// Puts a query's select list after `set_config`, and leaves out what isn't the people's own.
macro_rules! ask {
    ($name:literal, $sql:literal) => {
        Query {
            name: $name,
            sql: concat!(
                "with path as materialized (select set_config('search_path', '', true)), ",
                "space as materialized (select n.oid, n.nspname from pg_namespace n ",
                "where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' ",
                "and not exists (select from pg_depend e where e.classid = 'pg_namespace'::regclass ",
                "and e.objid = n.oid and e.deptype = 'e')), ",
                "member as materialized (select classid, objid from pg_depend where deptype = 'e') ",
                $sql
            ),
        }
    };
}

pub(in crate::catalogue) const QUERIES: &[Query] = &[
    ask!(
        "namespaces",
        "select nspname::text, obj_description(oid, 'pg_namespace') from path, space"
    ),
    ask!(
        "extensions",
        "select e.extname::text, n.nspname::text from path, pg_extension e \
         join pg_namespace n on n.oid = e.extnamespace where e.extname <> 'plpgsql'"
    ),
    ask!(
        "enums",
        "select s.nspname::text, t.typname::text, l.enumlabel::text, obj_description(t.oid, 'pg_type') \
         from path, pg_type t join space s on s.oid = t.typnamespace \
         left join pg_enum l on l.enumtypid = t.oid where t.typtype = 'e' \
         and not exists (select from member m where m.classid = 'pg_type'::regclass and m.objid = t.oid) \
         order by t.oid, l.enumsortorder"
    ),
    ask!(
        "domains",
        "select s.nspname::text, t.typname::text, format_type(t.typbasetype, t.typtypmod), t.typnotnull::text, \
         pg_get_expr(t.typdefaultbin, 0), case when t.typcollation <> b.typcollation then cn.nspname::text end, \
         case when t.typcollation <> b.typcollation then c.collname::text end, obj_description(t.oid, 'pg_type') \
         from path, pg_type t join space s on s.oid = t.typnamespace join pg_type b on b.oid = t.typbasetype \
         left join pg_collation c on c.oid = t.typcollation left join pg_namespace cn on cn.oid = c.collnamespace \
         where t.typtype = 'd' \
         and not exists (select from member m where m.classid = 'pg_type'::regclass and m.objid = t.oid) order by t.oid"
    ),
    ask!(
        "domain_checks",
        "select s.nspname::text, t.typname::text, c.conname::text, pg_get_constraintdef(c.oid), \
         obj_description(c.oid, 'pg_constraint') \
         from path, pg_constraint c join pg_type t on t.oid = c.contypid join space s on s.oid = t.typnamespace \
         where c.contype = 'c' \
         and not exists (select from member m where m.classid = 'pg_type'::regclass and m.objid = t.oid)"
    ),
    ask!(
        "composites",
        "select s.nspname::text, r.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod), \
         obj_description(r.reltype, 'pg_type') \
         from path, pg_class r join space s on s.oid = r.relnamespace \
         left join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped \
         where r.relkind = 'c' \
         and not exists (select from member m where m.classid = 'pg_type'::regclass and m.objid = r.reltype) \
         order by r.oid, a.attnum"
    ),
    ask!(
        "sequences",
        "select s.nspname::text, r.relname::text, format_type(q.seqtypid, null), q.seqstart::text, \
         q.seqincrement::text, q.seqmin::text, q.seqmax::text, q.seqcache::text, q.seqcycle::text, \
         own.nspname::text, own.relname::text, own.attname::text, obj_description(r.oid, 'pg_class') \
         from path, pg_class r join space s on s.oid = r.relnamespace join pg_sequence q on q.seqrelid = r.oid \
         left join lateral (select n.nspname, t.relname, a.attname from pg_depend d \
           join pg_class t on t.oid = d.refobjid join pg_namespace n on n.oid = t.relnamespace \
           join pg_attribute a on a.attrelid = t.oid and a.attnum = d.refobjsubid \
           where d.classid = 'pg_class'::regclass and d.objid = r.oid and d.refclassid = 'pg_class'::regclass \
           and d.deptype = 'a' limit 1) own on true \
         where r.relkind = 'S' and r.relpersistence <> 't' \
         and not exists (select from pg_depend i where i.classid = 'pg_class'::regclass and i.objid = r.oid \
           and i.deptype = 'i') \
         and not exists (select from member m where m.classid = 'pg_class'::regclass and m.objid = r.oid)"
    ),
    ask!(
        "tables",
        "select s.nspname::text, r.relname::text, r.relpersistence::text, r.relrowsecurity::text, \
         r.relforcerowsecurity::text, array_to_string(r.reloptions, ','), \
         case when r.relkind = 'p' then pg_get_partkeydef(r.oid) end, pg_get_expr(r.relpartbound, r.oid), \
         obj_description(r.oid, 'pg_class') \
         from path, pg_class r join space s on s.oid = r.relnamespace \
         where r.relkind in ('r', 'p') and r.relpersistence <> 't' \
         and not exists (select from member m where m.classid = 'pg_class'::regclass and m.objid = r.oid)"
    ),
    ask!(
        "parents",
        "select s.nspname::text, r.relname::text, n.nspname::text, p.relname::text \
         from path, pg_inherits i join pg_class r on r.oid = i.inhrelid join space s on s.oid = r.relnamespace \
         join pg_class p on p.oid = i.inhparent join pg_namespace n on n.oid = p.relnamespace \
         where r.relkind in ('r', 'p') order by r.oid, i.inhseqno"
    ),
    ask!(
        "columns",
        "select s.nspname::text, r.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod), \
         a.attnotnull::text, pg_get_expr(d.adbin, d.adrelid), a.attgenerated::text, a.attidentity::text, \
         q.seqstart::text, q.seqincrement::text, q.seqmin::text, q.seqmax::text, q.seqcache::text, q.seqcycle::text, \
         case when a.attcollation <> t.typcollation then cn.nspname::text end, \
         case when a.attcollation <> t.typcollation then c.collname::text end, \
         case when a.attstorage <> t.typstorage then a.attstorage::text end, col_description(r.oid, a.attnum) \
         from path, pg_attribute a join pg_class r on r.oid = a.attrelid join space s on s.oid = r.relnamespace \
         join pg_type t on t.oid = a.atttypid \
         left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum \
         left join pg_collation c on c.oid = a.attcollation left join pg_namespace cn on cn.oid = c.collnamespace \
         left join lateral (select q.* from pg_depend e join pg_sequence q on q.seqrelid = e.objid \
           where e.classid = 'pg_class'::regclass and e.refclassid = 'pg_class'::regclass \
           and e.refobjid = a.attrelid and e.refobjsubid = a.attnum and e.deptype = 'i') q on true \
         where r.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped and not r.relispartition \
         and a.attislocal order by r.oid, a.attnum"
    ),
    ask!(
        "constraints",
        "select s.nspname::text, r.relname::text, c.conname::text, pg_get_constraintdef(c.oid), \
         obj_description(c.oid, 'pg_constraint') \
         from path, pg_constraint c join pg_class r on r.oid = c.conrelid join space s on s.oid = r.relnamespace \
         where r.relkind in ('r', 'p') and c.contype in ('p', 'u', 'x', 'c', 'f') and c.conparentid = 0 \
         and c.conislocal order by c.oid"
    ),
    ask!(
        "indexes",
        "select s.nspname::text, r.relname::text, x.relname::text, pg_get_indexdef(i.indexrelid), \
         i.indisvalid::text, obj_description(x.oid, 'pg_class') \
         from path, pg_index i join pg_class x on x.oid = i.indexrelid join pg_class r on r.oid = i.indrelid \
         join space s on s.oid = r.relnamespace where r.relkind in ('r', 'p', 'm') \
         and not exists (select from pg_constraint c where c.conindid = i.indexrelid and c.contype in ('p', 'u', 'x')) \
         and not exists (select from pg_inherits h where h.inhrelid = i.indexrelid) \
         and not exists (select from member m where m.classid = 'pg_class'::regclass and m.objid = r.oid)"
    ),
    ask!(
        "views",
        "select s.nspname::text, r.relname::text, r.relkind::text, pg_get_viewdef(r.oid), \
         array_to_string(r.reloptions, ','), r.relispopulated::text, obj_description(r.oid, 'pg_class') \
         from path, pg_class r join space s on s.oid = r.relnamespace where r.relkind in ('v', 'm') \
         and r.relpersistence <> 't' \
         and not exists (select from member m where m.classid = 'pg_class'::regclass and m.objid = r.oid)"
    ),
    ask!(
        "view_columns",
        "select s.nspname::text, r.relname::text, a.attname::text, col_description(r.oid, a.attnum) \
         from path, pg_class r join space s on s.oid = r.relnamespace \
         join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped \
         where r.relkind in ('v', 'm') order by r.oid, a.attnum"
    ),
    ask!(
        "routines",
        "select s.nspname::text, p.proname::text, p.prokind::text, \
         case when p.prokind in ('f', 'p') then pg_get_functiondef(p.oid) end, \
         pg_get_function_identity_arguments(p.oid), obj_description(p.oid, 'pg_proc') \
         from path, pg_proc p join space s on s.oid = p.pronamespace \
         where not exists (select from member m where m.classid = 'pg_proc'::regclass and m.objid = p.oid) \
         and not exists (select from pg_depend i where i.classid = 'pg_proc'::regclass and i.objid = p.oid \
           and i.deptype = 'i') order by p.oid"
    ),
    ask!(
        "triggers",
        "select s.nspname::text, r.relname::text, t.tgname::text, pg_get_triggerdef(t.oid), t.tgenabled::text, \
         obj_description(t.oid, 'pg_trigger') \
         from path, pg_trigger t join pg_class r on r.oid = t.tgrelid join space s on s.oid = r.relnamespace \
         where not t.tgisinternal and t.tgparentid = 0"
    ),
    ask!(
        "policies",
        "select s.nspname::text, r.relname::text, p.polname::text, p.polpermissive::text, p.polcmd::text, \
         (select string_agg(case when role = 0 then 'public' else quote_ident(pg_get_userbyid(role)) end, ', ' \
           order by case when role = 0 then 'public' else quote_ident(pg_get_userbyid(role)) end) \
           from unnest(p.polroles) role), \
         pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid), \
         obj_description(p.oid, 'pg_policy') \
         from path, pg_policy p join pg_class r on r.oid = p.polrelid join space s on s.oid = r.relnamespace"
    ),
    ask!(
        "privileges",
        "select p.space, p.name, p.kind, case when p.grantee = 0 then 'public' else pg_get_userbyid(p.grantee)::text end, \
         p.privilege, p.grantable::text, p.part from path, ( \
         select s.nspname::text as space, r.relname::text as name, r.relkind::text as kind, a.grantee, \
           a.privilege_type as privilege, a.is_grantable as grantable, null::text as part \
           from pg_class r join space s on s.oid = r.relnamespace cross join lateral aclexplode(r.relacl) a \
           where r.relkind in ('r', 'p', 'v', 'm', 'S') and a.grantee <> r.relowner \
           and not exists (select from member m where m.classid = 'pg_class'::regclass and m.objid = r.oid) \
         union all select s.nspname, r.relname, 'column', a.grantee, a.privilege_type, a.is_grantable, c.attname \
           from pg_class r join space s on s.oid = r.relnamespace join pg_attribute c on c.attrelid = r.oid \
           cross join lateral aclexplode(c.attacl) a \
           where r.relkind in ('r', 'p', 'v', 'm') and a.grantee <> r.relowner and not c.attisdropped \
           and not exists (select from member m where m.classid = 'pg_class'::regclass and m.objid = r.oid) \
         union all select '', n.nspname, 'schema', a.grantee, a.privilege_type, a.is_grantable, null \
           from space s join pg_namespace n on n.oid = s.oid cross join lateral aclexplode(n.nspacl) a \
           where a.grantee <> n.nspowner and not exists (select from pg_init_privs i \
             where i.classoid = 'pg_namespace'::regclass and i.objoid = n.oid and i.initprivs = n.nspacl) \
         union all select '', n.nspname, 'schema', 0, '', false, null from space s join pg_namespace n on n.oid = s.oid \
           where n.nspname = 'public' and n.nspacl is not null and not exists (select from pg_init_privs i \
             where i.classoid = 'pg_namespace'::regclass and i.objoid = n.oid and i.initprivs = n.nspacl) \
         union all select s.nspname, p.proname, 'routine', a.grantee, a.privilege_type, a.is_grantable, \
           pg_get_function_identity_arguments(p.oid) \
           from pg_proc p join space s on s.oid = p.pronamespace cross join lateral aclexplode(p.proacl) a \
           where a.grantee <> p.proowner and p.prokind in ('f', 'p') \
           and not exists (select from member m where m.classid = 'pg_proc'::regclass and m.objid = p.oid) \
         union all select s.nspname, p.proname, 'routine', 0, '', false, pg_get_function_identity_arguments(p.oid) \
           from pg_proc p join space s on s.oid = p.pronamespace where p.proacl is not null and p.prokind in ('f', 'p') \
           and not exists (select from member m where m.classid = 'pg_proc'::regclass and m.objid = p.oid) \
         ) p"
    ),
    ask!(
        "others",
        "select o.kind, o.space::text, o.name::text from path, ( \
         select 'foreign table' as kind, s.nspname as space, r.relname as name, 'pg_class'::regclass as class, r.oid \
           from pg_class r join space s on s.oid = r.relnamespace where r.relkind = 'f' \
         union all select 'rule on ' || r.relname, s.nspname, w.rulename, 'pg_rewrite'::regclass, w.oid \
           from pg_rewrite w join pg_class r on r.oid = w.ev_class join space s on s.oid = r.relnamespace \
           where w.rulename <> '_RETURN' \
         union all select 'range type', s.nspname, t.typname, 'pg_type'::regclass, t.oid \
           from pg_type t join space s on s.oid = t.typnamespace where t.typtype = 'r' \
         union all select 'base type', s.nspname, t.typname, 'pg_type'::regclass, t.oid \
           from pg_type t join space s on s.oid = t.typnamespace where t.typtype = 'b' and t.typelem = 0 \
         union all select 'operator', s.nspname, p.oprname, 'pg_operator'::regclass, p.oid \
           from pg_operator p join space s on s.oid = p.oprnamespace \
         union all select 'operator class', s.nspname, c.opcname, 'pg_opclass'::regclass, c.oid \
           from pg_opclass c join space s on s.oid = c.opcnamespace \
         union all select 'collation', s.nspname, c.collname, 'pg_collation'::regclass, c.oid \
           from pg_collation c join space s on s.oid = c.collnamespace \
         union all select 'statistics', s.nspname, x.stxname, 'pg_statistic_ext'::regclass, x.oid \
           from pg_statistic_ext x join space s on s.oid = x.stxnamespace \
         union all select 'text search configuration', s.nspname, c.cfgname, 'pg_ts_config'::regclass, c.oid \
           from pg_ts_config c join space s on s.oid = c.cfgnamespace \
         union all select 'event trigger', '', e.evtname, 'pg_event_trigger'::regclass, e.oid from pg_event_trigger e \
         union all select 'privileges on type', s.nspname, t.typname, 'pg_type'::regclass, t.oid \
           from pg_type t join space s on s.oid = t.typnamespace where t.typacl is not null \
         union all select 'default privileges of ' || pg_get_userbyid(d.defaclrole) || ' on', \
           coalesce(n.nspname, ''), d.defaclobjtype::text, 'pg_default_acl'::regclass, d.oid \
           from pg_default_acl d left join pg_namespace n on n.oid = d.defaclnamespace \
         union all select 'publication', '', p.pubname, 'pg_publication'::regclass, p.oid from pg_publication p \
         ) o where not exists (select from member m where m.classid = o.class and m.objid = o.oid)"
    ),
];
