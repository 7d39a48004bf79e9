-- The language of mails that nobody asked for: a person's choice, or the one that they last signed in with.

-- auto | en | zh
alter table users add column mail_language text not null default 'auto';
-- en | zh; what their browser asked for
alter table users add column last_login_language text;
