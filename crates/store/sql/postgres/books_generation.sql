-- books_generation
SELECT number FROM setting WHERE key = 'books.generation'
