-- A list of tags in the API has no nulls, and an owner may write the column.
alter table public.batches add constraint tags_are_words check (array_position(tags, null) is null);
