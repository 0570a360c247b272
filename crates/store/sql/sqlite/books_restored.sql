-- books_restored
UPDATE setting SET value = value + 1 WHERE key = 'books.generation' RETURNING value
