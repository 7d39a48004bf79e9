-- Silences that come again: within their beginning and end, and then only while one of their weekly windows is open.

-- JSON: time zone and weekly windows; null: all the time
alter table alert_silences add column repeats text;
