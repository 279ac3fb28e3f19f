#pragma once
/// \file The values that go in and out of the routes. Private to service.
#include "penchant/service/schema.h"

namespace penchant::service {

// Requests.
[[nodiscard]] const Schema& recommend_request_schema();
[[nodiscard]] const Schema& explain_request_schema();
[[nodiscard]] const Schema& event_schema();
[[nodiscard]] const Schema& events_request_schema();   ///< {"events": […], "all_or_nothing": …}
[[nodiscard]] const Schema& item_schema();             ///< id may be absent where the path has it
[[nodiscard]] const Schema& item_patch_schema();
[[nodiscard]] const Schema& user_schema();
[[nodiscard]] const Schema& user_patch_schema();
[[nodiscard]] const Schema& import_request_schema();
[[nodiscard]] const Schema& train_request_schema();

// Answers.
[[nodiscard]] const Schema& error_schema();
[[nodiscard]] const Schema& recommend_answer_schema();
[[nodiscard]] const Schema& explain_answer_schema();
[[nodiscard]] const Schema& events_answer_schema();
[[nodiscard]] const Schema& history_schema();
[[nodiscard]] const Schema& stored_item_schema();
[[nodiscard]] const Schema& stored_user_schema();
[[nodiscard]] const Schema& item_list_schema();
[[nodiscard]] const Schema& user_list_schema();
[[nodiscard]] const Schema& user_embedding_schema();
[[nodiscard]] const Schema& put_answer_schema();
[[nodiscard]] const Schema& bulk_answer_schema();
[[nodiscard]] const Schema& item_card_schema();
[[nodiscard]] const Schema& semantic_id_schema();
[[nodiscard]] const Schema& semantic_id_tree_schema();
[[nodiscard]] const Schema& release_list_schema();
[[nodiscard]] const Schema& release_schema();
[[nodiscard]] const Schema& task_schema();
[[nodiscard]] const Schema& task_list_schema();
[[nodiscard]] const Schema& health_schema();
[[nodiscard]] const Schema& version_schema();
[[nodiscard]] const Schema& describe_schema();

}  // namespace penchant::service
