/**
 * SQL: the endpoints of the scope `:programId`, `:livemode` that are looked at one by one, the program's own ones before its
 * affiliates', of which there may be very many.
 */
export const mostEndpoints = `select id from (
    (select id from webhook_endpoints where program_id = :programId and livemode = :livemode and deleted_at is null
       and affiliate_id is null limit 200)
    union all
    (select id from webhook_endpoints where program_id = :programId and livemode = :livemode and deleted_at is null
       and affiliate_id is not null limit 200)) every_endpoint limit 200`;
