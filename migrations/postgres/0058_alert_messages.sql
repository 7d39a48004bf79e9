-- What a receiver of alerts is told, in the org's own words; null: Muster's.
alter table alert_receivers add column message text;
