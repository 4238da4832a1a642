-- The entry of a release in light lists, as the dialect that shows it has rendered it last: read as
-- it is for as long as nothing that it shows has changed. See docs/decisions/0016.

ALTER TABLE releases DROP COLUMN summary;
ALTER TABLE releases ADD COLUMN light text;
ALTER TABLE releases ADD COLUMN light_form integer;     -- of the rendering, by the dialect's count
ALTER TABLE releases ADD COLUMN light_edition integer;  -- of the names in it: that of its definition

-- Counts the changes of the names that a release shows but does not hold: those of its definition,
-- its project and of people.
ALTER TABLE definitions ADD COLUMN light_edition integer NOT NULL DEFAULT 0;

-- Whatever changes a release, its entry is rendered anew; only a rendering leaves form or edition
-- other than they were, or has found no entry.
CREATE FUNCTION forget_light_release() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.light := NULL;
    RETURN NEW;
END;
$$;
CREATE TRIGGER forget_light_release BEFORE UPDATE ON releases FOR EACH ROW
    WHEN (OLD.light IS NOT NULL
        AND NEW.light_form = OLD.light_form AND NEW.light_edition = OLD.light_edition)
    EXECUTE FUNCTION forget_light_release();

CREATE FUNCTION count_light_edition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.light_edition := OLD.light_edition + 1;
    RETURN NEW;
END;
$$;
CREATE TRIGGER count_light_edition BEFORE UPDATE OF name, path ON definitions FOR EACH ROW
    WHEN (NEW.name <> OLD.name OR NEW.path <> OLD.path)
    EXECUTE FUNCTION count_light_edition();

CREATE FUNCTION count_light_editions_of_project() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE definitions SET light_edition = light_edition + 1 WHERE project_id = NEW.id;
    RETURN NULL;
END;
$$;
CREATE TRIGGER count_light_editions AFTER UPDATE OF name ON projects FOR EACH ROW
    WHEN (NEW.name <> OLD.name)
    EXECUTE FUNCTION count_light_editions_of_project();

-- Somebody may be mentioned in any release; people are renamed seldom.
CREATE FUNCTION count_all_light_editions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE definitions SET light_edition = light_edition + 1;
    RETURN NULL;
END;
$$;
CREATE TRIGGER count_light_editions
    AFTER UPDATE OF kind, unique_name, display_name ON identities FOR EACH ROW
    WHEN (NEW.kind <> OLD.kind OR NEW.unique_name <> OLD.unique_name
        OR NEW.display_name <> OLD.display_name)
    EXECUTE FUNCTION count_all_light_editions();
CREATE TRIGGER count_light_editions_of_the_gone AFTER DELETE ON identities FOR EACH STATEMENT
    EXECUTE FUNCTION count_all_light_editions();
