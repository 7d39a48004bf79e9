-- Where other control planes reach this one, HOST:PORT (UDP); null: it has no open door.
alter table control_planes add column peer_address text;
