-- Whether the user entered the address themselves: until it is verified no link that sets a password goes there. One that
-- an administrator wrote down counts, and so do those of before this was kept.
alter table users add column email_own boolean not null default false;

-- Whether the password was set by a mailed link: a mailed code proves nothing beside it.
alter table users add column password_mailed boolean not null default false;
