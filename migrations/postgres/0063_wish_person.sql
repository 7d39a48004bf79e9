-- In whose name its hook acted when a wish was heard: it is not executed in another's.
alter table git_wishes add column person_id uuid;
