-- $1 session id
select distinct tag from tag where session_id = $1::varchar order by tag
