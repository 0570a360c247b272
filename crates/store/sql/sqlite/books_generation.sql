-- books_generation
SELECT value FROM setting WHERE key = 'books.generation'
