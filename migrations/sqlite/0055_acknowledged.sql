-- Who sees to an alert, and who was told because nobody did.

-- when it was first told that it fires
alter table alerts add column first_told_at integer;
alter table alerts add column acknowledged_at integer;
alter table alerts add column acknowledged_by text;
alter table alerts add column acknowledgement text;
-- when others were told because nobody acknowledged it
alter table alerts add column escalated_at integer;
update alerts set first_told_at = told_at where told_at is not null;
