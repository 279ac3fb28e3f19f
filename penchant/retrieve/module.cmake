find_package(SQLite3 REQUIRED)
target_link_libraries(penchant_retrieve PRIVATE SQLite::SQLite3)
