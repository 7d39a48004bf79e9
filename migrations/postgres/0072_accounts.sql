-- Whether the user entered the address themselves: until it is verified no link that sets a password goes there. One that
-- an administrator wrote down counts, and so do those of before this was kept.
alter table users add column email_own boolean not null default false;

-- Whether the password was set by a mailed link: a mailed code proves nothing beside it.
alter table users add column password_mailed boolean not null default false;

-- Who made an invitation: it works for as long as they could make it. Null: the super administrator.
alter table invitations add column created_by_id uuid;

update invitations set created_by_id = case made.actor_kind
    when 'user' then (select u.id from users u where u.id = made.actor_id::uuid)
    else (select k.user_id from api_keys k where k.id = made.actor_id::uuid) end
from (
    select actor_kind, actor_id, object_id from audit_log
    where object_kind = 'invitation' and outcome = 'done' and after is not null and actor_kind in ('user', 'apiKey')
        and operation = 'member:write'
) as made
where made.object_id = invitations.id::text;
create index invitations_maker on invitations (org_id, created_by_id);

-- The address in small letters, by which it signs in and is unique in the platform however it is written. Of two users
-- whose addresses differed in that only, one has it, who verified it or was first; both sign in by their own spelling.
alter table users add column email_key text;

update users set email_key = lower(email collate "C") where id in (
    select id from (
        select id, row_number() over (
            partition by platform_id, lower(email collate "C")
            order by case when email_verified_at is null then 1 else 0 end, created_at, id
        ) as place
        from users where email is not null
    ) as ranked where place = 1
);
create unique index users_email_folded on users (platform_id, email_key);

-- How an imported hash begins, up to its salt: what work verifying it is. Empty: one of Muster's own.
alter table users add column hash_kind text not null default '';

update users set hash_kind = substr(password_hash, 1, 7) where password_hash like '$2%';
create index users_hash_kind on users (platform_id, hash_kind) where hash_kind <> '';
