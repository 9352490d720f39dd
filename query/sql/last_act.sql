-- The row of the latest act.
select coalesce(max(act_id), 0) from span
