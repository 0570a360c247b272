-- books_restored
UPDATE setting SET number = number + 1 WHERE key = 'books.generation' RETURNING number
