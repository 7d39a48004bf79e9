-- What the catalogue says of everything that a person can have made, one line for each thing.
--
-- Left out, with reasons: the order of a table's columns, which PostgreSQL can't change; the places of sequences and the
-- counts of rows, which are data; owners, which are the same everywhere; what belongs to an extension, but for the extension.
with extended as (
    select classid, objid from pg_depend where deptype = 'e' and refclassid = 'pg_extension'::regclass
),
spaces as (
    select oid, nspname, nspacl, nspowner from pg_namespace
    where nspname !~ '^pg_' and nspname <> 'information_schema'
      and not exists (select from extended e where e.classid = 'pg_namespace'::regclass and e.objid = pg_namespace.oid)
),
relations as (
    select c.*, s.nspname, format('%I.%I', s.nspname, c.relname) as path
    from pg_class c join spaces s on s.oid = c.relnamespace
    where not exists (select from extended e where e.classid = 'pg_class'::regclass and e.objid = c.oid)
),
types as (
    select t.*, s.nspname, format('%I.%I', s.nspname, t.typname) as path
    from pg_type t join spaces s on s.oid = t.typnamespace
    where not exists (select from extended e where e.classid = 'pg_type'::regclass and e.objid = t.oid)
),
lines (kind, name, facts) as (
    select 'schema', quote_ident(s.nspname), jsonb_build_object(
        'comment', obj_description(s.oid, 'pg_namespace'),
        'acl', (select jsonb_agg(a::text order by a::text) from unnest(coalesce(s.nspacl, acldefault('n', s.nspowner))) a))
    from spaces s
    union all
    select 'relation', r.path, jsonb_build_object(
        'kind', r.relkind, 'persistence', r.relpersistence, 'rls', r.relrowsecurity, 'forced', r.relforcerowsecurity,
        'identity', r.relreplident, 'options', (select jsonb_agg(o order by o) from unnest(r.reloptions) o),
        'bound', pg_get_expr(r.relpartbound, r.oid), 'key', pg_get_partkeydef(r.oid),
        'parents', (select jsonb_agg(i.inhparent::regclass::text order by i.inhseqno) from pg_inherits i where i.inhrelid = r.oid),
        'method', (select amname from pg_am where pg_am.oid = r.relam), 'tablespace', r.reltablespace,
        'of', nullif(r.reloftype, 0)::regtype::text,
        'acl', (select jsonb_agg(a::text order by a::text)
                from unnest(coalesce(r.relacl, acldefault((case r.relkind when 'S' then 's' else 'r' end)::"char", r.relowner))) a),
        'comment', obj_description(r.oid, 'pg_class'))
    from relations r where r.relkind in ('r', 'p', 'v', 'm', 'f', 'S', 'c')
    union all
    select 'column', r.path || '.' || quote_ident(a.attname), jsonb_build_object(
        'type', format_type(a.atttypid, a.atttypmod), 'notnull', a.attnotnull,
        'default', pg_get_expr(d.adbin, d.adrelid), 'identity', a.attidentity, 'generated', a.attgenerated,
        'collation', (select c.collname from pg_collation c, pg_type t
                      where c.oid = a.attcollation and t.oid = a.atttypid and t.typcollation <> a.attcollation),
        'storage', a.attstorage, 'compression', a.attcompression, 'statistics', a.attstattarget,
        'local', a.attislocal, 'inherited', a.attinhcount,
        'options', (select jsonb_agg(o order by o) from unnest(a.attoptions) o),
        'place', case when r.relkind in ('v', 'm', 'c') then a.attnum end,
        'acl', (select jsonb_agg(x::text order by x::text) from unnest(a.attacl) x),
        'comment', col_description(r.oid, a.attnum))
    from relations r
    join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
    left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where r.relkind in ('r', 'p', 'v', 'm', 'f', 'c')
    union all
    select 'constraint', r.path || '.' || quote_ident(c.conname), jsonb_build_object(
        'definition', pg_get_constraintdef(c.oid), 'validated', c.convalidated, 'local', c.conislocal,
        'inherited', c.coninhcount, 'noinherit', c.connoinherit, 'comment', obj_description(c.oid, 'pg_constraint'))
    from pg_constraint c join relations r on r.oid = c.conrelid
    -- An identical one that a partition has by itself gets a name of its own.
    where c.contype <> 't'
    union all
    select 'domain constraint', t.path || '.' || quote_ident(c.conname), jsonb_build_object(
        'definition', pg_get_constraintdef(c.oid), 'validated', c.convalidated,
        'comment', obj_description(c.oid, 'pg_constraint'))
    from pg_constraint c join types t on t.oid = c.contypid
    union all
    select 'index', r.path, jsonb_build_object(
        'definition', pg_get_indexdef(r.oid), 'valid', i.indisvalid, 'clustered', i.indisclustered,
        'identity', i.indisreplident, 'primary', i.indisprimary,
        'constraint', (select c.contype from pg_constraint c where c.conindid = r.oid and c.contype in ('p', 'u', 'x')),
        'parent', (select h.inhparent::regclass::text from pg_inherits h where h.inhrelid = r.oid),
        'comment', obj_description(r.oid, 'pg_class'))
    from relations r join pg_index i on i.indexrelid = r.oid
    union all
    select 'view', r.path, jsonb_build_object('definition', pg_get_viewdef(r.oid), 'populated', r.relispopulated)
    from relations r where r.relkind in ('v', 'm')
    union all
    select 'sequence', r.path, jsonb_build_object(
        'type', q.seqtypid::regtype::text, 'start', q.seqstart, 'increment', q.seqincrement, 'max', q.seqmax,
        'min', q.seqmin, 'cache', q.seqcache, 'cycle', q.seqcycle,
        'owner', (select d.refobjid::regclass::text || '.' || a.attname || ' ' || d.deptype::text
                  from pg_depend d join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
                  where d.classid = 'pg_class'::regclass and d.objid = r.oid and d.refclassid = 'pg_class'::regclass
                    and d.deptype in ('a', 'i')))
    from relations r join pg_sequence q on q.seqrelid = r.oid
    union all
    select 'type', t.path, jsonb_build_object(
        'kind', t.typtype, 'notnull', t.typnotnull, 'default', t.typdefault,
        'base', case when t.typtype = 'd' then format_type(t.typbasetype, t.typtypmod) end,
        'collation', (select c.collname from pg_collation c join pg_type b on b.oid = t.typbasetype
                      where c.oid = t.typcollation and b.typcollation <> t.typcollation),
        'labels', (select jsonb_agg(e.enumlabel order by e.enumsortorder) from pg_enum e where e.enumtypid = t.oid),
        'range', (select jsonb_build_object('of', g.rngsubtype::regtype::text, 'class', g.rngsubopc,
                                            'diff', g.rngsubdiff::text, 'canonical', g.rngcanonical::text)
                  from pg_range g where g.rngtypid = t.oid),
        'acl', (select jsonb_agg(a::text order by a::text) from unnest(coalesce(t.typacl, acldefault('T', t.typowner))) a),
        'comment', obj_description(t.oid, 'pg_type'))
    from types t
    where t.typtype in ('e', 'd', 'r', 'm') or (t.typtype = 'c' and exists (select from relations r where r.oid = t.typrelid and r.relkind = 'c'))
    union all
    select 'routine', format('%I.%I(%s)', s.nspname, p.proname, pg_get_function_identity_arguments(p.oid)), jsonb_build_object(
        'definition', case when p.prokind in ('f', 'p', 'w') then pg_get_functiondef(p.oid) end, 'kind', p.prokind,
        'aggregate', (select to_jsonb(g) - 'aggfnoid' from pg_aggregate g where g.aggfnoid = p.oid),
        'acl', (select jsonb_agg(a::text order by a::text) from unnest(coalesce(p.proacl, acldefault('f', p.proowner))) a),
        'comment', obj_description(p.oid, 'pg_proc'))
    from pg_proc p join spaces s on s.oid = p.pronamespace
    where not exists (select from extended e where e.classid = 'pg_proc'::regclass and e.objid = p.oid)
      -- A range type's own constructors.
      and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'i')
    union all
    select 'trigger', r.path || '.' || quote_ident(g.tgname), jsonb_build_object(
        'definition', pg_get_triggerdef(g.oid), 'enabled', g.tgenabled, 'comment', obj_description(g.oid, 'pg_trigger'))
    from pg_trigger g join relations r on r.oid = g.tgrelid where not g.tgisinternal
    union all
    select 'rule', r.path || '.' || quote_ident(w.rulename), jsonb_build_object(
        'definition', pg_get_ruledef(w.oid), 'enabled', w.ev_enabled, 'comment', obj_description(w.oid, 'pg_rewrite'))
    from pg_rewrite w join relations r on r.oid = w.ev_class where w.rulename <> '_RETURN'
    union all
    select 'policy', r.path || '.' || quote_ident(p.polname), jsonb_build_object(
        'command', p.polcmd, 'permissive', p.polpermissive,
        'roles', (select jsonb_agg(o::regrole::text order by o::regrole::text) from unnest(p.polroles) o),
        'using', pg_get_expr(p.polqual, p.polrelid), 'check', pg_get_expr(p.polwithcheck, p.polrelid),
        'comment', obj_description(p.oid, 'pg_policy'))
    from pg_policy p join relations r on r.oid = p.polrelid
    union all
    select 'statistics', format('%I.%I', s.nspname, x.stxname), jsonb_build_object(
        'definition', pg_get_statisticsobjdef(x.oid), 'target', x.stxstattarget, 'comment', obj_description(x.oid, 'pg_statistic_ext'))
    from pg_statistic_ext x join spaces s on s.oid = x.stxnamespace
    union all
    select 'extension', quote_ident(e.extname), jsonb_build_object(
        'schema', e.extnamespace::regnamespace::text, 'version', e.extversion, 'comment', obj_description(e.oid, 'pg_extension'))
    from pg_extension e
    union all
    select 'event trigger', quote_ident(v.evtname), jsonb_build_object(
        'event', v.evtevent, 'function', v.evtfoid::regprocedure::text, 'enabled', v.evtenabled, 'tags', v.evttags)
    from pg_event_trigger v
    union all
    select 'default rights', a.defaclobjtype::text || coalesce(a.defaclnamespace::regnamespace::text, ''), jsonb_build_object(
        'acl', (select jsonb_agg(x::text order by x::text) from unnest(a.defaclacl) x))
    from pg_default_acl a
    union all
    select 'publication', quote_ident(p.pubname), to_jsonb(p) - 'oid' || jsonb_build_object(
        'tables', (select jsonb_agg(t.tablename order by t.schemaname, t.tablename) from pg_publication_tables t where t.pubname = p.pubname))
    from pg_publication p
    union all
    select 'collation', format('%I.%I', s.nspname, c.collname), to_jsonb(c) - 'oid' - 'collnamespace'
    from pg_collation c join spaces s on s.oid = c.collnamespace
    union all
    select 'operator', o.oid::regoperator::text, jsonb_build_object('code', o.oprcode::text)
    from pg_operator o join spaces s on s.oid = o.oprnamespace
    where not exists (select from extended e where e.classid = 'pg_operator'::regclass and e.objid = o.oid)
    union all
    select 'cast', c.castsource::regtype::text || ' as ' || c.casttarget::regtype::text, jsonb_build_object(
        'function', c.castfunc::regprocedure::text, 'context', c.castcontext)
    from pg_cast c where c.oid >= 16384
      and not exists (select from extended e where e.classid = 'pg_cast'::regclass and e.objid = c.oid)
    union all
    select 'foreign server', quote_ident(f.srvname), jsonb_build_object('options', to_jsonb(f.srvoptions))
    from pg_foreign_server f
)
select kind || ' ' || name || ' ' || jsonb_strip_nulls(facts)::text from lines
