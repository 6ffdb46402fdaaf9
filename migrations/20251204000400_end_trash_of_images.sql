-- As with batches: what is being purged nobody brings back.
alter policy "owner changes" on public.images
    using (
        user_id = (select studio.current_user_id())
        and (deleted_at is null or deleted_at >= (select studio.trash_ends()))
    );
