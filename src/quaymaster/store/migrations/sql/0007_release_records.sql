-- What releases keep besides their run: attachments and what belongs to them.

SELECT 1;
