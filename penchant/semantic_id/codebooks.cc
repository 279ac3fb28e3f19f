#include "penchant/semantic_id/codebooks.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "penchant/artifact/safetensors.h"
#include "penchant/semantic_id/kmeans.h"

namespace penchant::semantic_id {
namespace {

Error corrupt(const std::string& message) { return {ErrorCode::corrupt, message}; }

std::string shape(std::size_t rows, std::size_t cols) {
  return "[" + std::to_string(rows) + ", " + std::to_string(cols) + "]";
}

std::string tensor_name(std::size_t level) { return "codebook." + std::to_string(level); }
std::string layer_name(std::size_t layer) { return "encoder." + std::to_string(layer); }

bool usable(float v) { return std::abs(v) <= kMaxCoordinate; }  // false for NaN

Matrix<float> copy_of(MatrixView<const float> m) {
  Matrix<float> copy(m.rows(), m.cols());
  for (std::size_t r = 0; r < m.rows(); ++r) std::ranges::copy(m.row(r), copy.row(r).begin());
  return copy;
}

/// Null where the file has no encoder. \param content_dim 0 = do not check
Result<std::shared_ptr<const ContentEncoder>> load_encoder(const artifact::SafeTensors& file,
                                                           const std::string& path, std::size_t content_dim) {
  std::vector<DenseLayer> layers;
  for (std::size_t k = 0; k <= ContentEncoder::kMaxLayers && file.contains(layer_name(k) + ".weight"); ++k) {
    PENCHANT_TRY(weight, file.matrix_f32(layer_name(k) + ".weight"));
    PENCHANT_TRY(bias, file.vector_f32(layer_name(k) + ".bias", weight.rows()));
    layers.push_back({copy_of(weight), {bias.begin(), bias.end()}});
  }
  if (layers.empty()) return std::shared_ptr<const ContentEncoder>();
  auto encoder = ContentEncoder::create(std::move(layers));
  if (!encoder.ok()) return corrupt(path + ": " + encoder.error().message);
  if (content_dim != 0 && encoder->input_dim() != content_dim)
    return corrupt(path + ": the content encoder reads " + std::to_string(encoder->input_dim()) +
                   " numbers, a content vector has " + std::to_string(content_dim));
  return std::make_shared<const ContentEncoder>(std::move(encoder).value());
}

}  // namespace

Result<Codebooks> Codebooks::create(std::vector<Matrix<float>> levels,
                                    std::shared_ptr<const ContentEncoder> encoder) {
  if (levels.empty() || levels.size() > kMaxLevels)
    return invalid(std::to_string(levels.size()) + " codebooks; 1 to " + std::to_string(kMaxLevels) +
                   " are possible");
  Codebooks result;
  for (std::size_t l = 0; l < levels.size(); ++l) {
    const auto& level = levels[l];
    if (level.empty() || level.rows() > 65536)
      return invalid(tensor_name(l) + " has shape " + shape(level.rows(), level.cols()) +
                     "; it needs 1 to 65536 codewords of at least one number");
    if (level.cols() != levels[0].cols())
      return invalid(tensor_name(l) + " has shape " + shape(level.rows(), level.cols()) + ", " +
                     tensor_name(0) + " has " + shape(levels[0].rows(), levels[0].cols()));
    if (const auto bad = std::ranges::find_if_not(level.values(), usable); bad != level.values().end())
      return invalid(tensor_name(l) + ": codeword " +
                     std::to_string(static_cast<std::size_t>(bad - level.values().begin()) / level.cols()) +
                     " holds a number that is not finite or above 1e15");
  }
  for (const auto& level : levels) result.tables_.emplace_back(level.view());
  return result.with_encoder(std::move(encoder));
}

Result<Codebooks> Codebooks::with_encoder(std::shared_ptr<const ContentEncoder> encoder) const {
  if (encoder && encoder->output_dim() != dim())
    return invalid("codewords have " + std::to_string(dim()) + " numbers, the content encoder gives " +
                   std::to_string(encoder->output_dim()));
  Codebooks result = *this;
  result.encoder_ = std::move(encoder);
  return result;
}

Codebooks Codebooks::with_zero_level(std::uint32_t codes) const {
  PENCHANT_CHECK(levels() < kMaxLevels && codes >= 1 && codes <= 65536, "room for a level");
  Codebooks result = *this;
  result.tables_.emplace_back(Matrix<float>(codes, dim()).view());
  return result;
}

std::uint32_t Codebooks::codebook() const noexcept {
  std::uint32_t largest = 0;
  for (std::size_t l = 0; l < levels(); ++l) largest = std::max(largest, codebook(l));
  return largest;
}

Status Codebooks::check_codes(MatrixView<const Code> codes) const {
  if (codes.rows() > 0 && codes.cols() != levels())
    return invalid("codes has " + std::to_string(codes.cols()) + " levels, the codebooks " +
                   std::to_string(levels()));
  for (std::size_t i = 0; i < codes.rows(); ++i)
    for (std::size_t l = 0; l < levels(); ++l)
      if (codes(i, l) >= codebook(l))
        return invalid("codes row " + std::to_string(i) + ", level " + std::to_string(l) + ": code " +
                       std::to_string(codes(i, l)) + " is not below " + std::to_string(codebook(l)));
  return {};
}

Result<Assignment> Codebooks::assign(std::span<const float> vector) const {
  Executor inline_executor(1);
  std::vector<double> errors;
  PENCHANT_TRY(codes, assign({vector.data(), 1, vector.size()}, inline_executor, &errors));
  Assignment result{{codes.row(0).begin(), codes.row(0).end()}, {}};
  for (const double e : errors) result.distances.push_back(static_cast<float>(e));
  return result;
}

Result<EncodedRows> Codebooks::encode(MatrixView<const float> vectors, Executor& executor) const {
  if (vectors.rows() > 0 && vectors.cols() != content_dim())
    return invalid("a content vector has " + std::to_string(vectors.cols()) + " numbers, the codebooks " +
                   std::to_string(content_dim()));
  if (encoder_) {
    EncodedRows out;
    PENCHANT_TRY(made, encoder_->encode(vectors, executor));
    out.made = std::move(made);
    out.rows = std::as_const(out.made).view();
    return out;
  }
  for (std::size_t i = 0; i < vectors.rows(); ++i)
    if (!std::ranges::all_of(vectors.row(i), usable))
      return invalid("content vector of row " + std::to_string(i) +
                     " holds a number that is not finite or above 1e15");
  return EncodedRows{{}, vectors};
}

Result<Matrix<Code>> Codebooks::assign(MatrixView<const float> vectors, Executor& executor,
                                       std::vector<double>* level_error) const {
  PENCHANT_TRY(encoded, encode(vectors, executor));
  const std::size_t n = vectors.rows();
  Matrix<float> left = std::move(encoded.made);
  if (!encoder_) {
    left = Matrix<float>(n, dim());
    for (std::size_t i = 0; i < n; ++i) std::ranges::copy(vectors.row(i), left.row(i).begin());
  }
  Matrix<Code> codes(n, levels());
  std::vector<std::uint32_t> nearest(n);
  std::vector<float> distances(n);
  if (level_error) level_error->clear();
  for (std::size_t l = 0; l < levels(); ++l) {
    tables_[l].nearest(left.view(), nearest, distances, executor);
    for (std::size_t i = 0; i < n; ++i) {
      codes(i, l) = static_cast<Code>(nearest[i]);
      const auto word = codeword(l, codes(i, l));
      const auto row = left.row(i);
      for (std::size_t j = 0; j < row.size(); ++j) row[j] -= word[j];
    }
    if (level_error)
      level_error->push_back(std::accumulate(distances.begin(), distances.end(), 0.0) /
                             static_cast<double>(std::max<std::size_t>(n, 1)));
  }
  return codes;
}

void Codebooks::residual(std::span<const float> encoded, std::span<const Code> codes, std::size_t levels,
                         std::span<float> out) const {
  std::ranges::copy(encoded, out.begin());
  for (std::size_t l = 0; l < levels; ++l) {
    const auto word = codeword(l, codes[l]);
    for (std::size_t j = 0; j < out.size(); ++j) out[j] -= word[j];
  }
}

Result<Placement> place_new_item(const Codebooks& codebooks, const ItemTrie& live,
                                 std::span<const float> vector) {
  PENCHANT_TRY(id, codebooks.assign(vector));
  Placement placement{std::move(id), 0, 0};
  auto node = std::optional(ItemTrie::Node::root);
  for (const auto code : placement.id.codes) {
    if (!(node = live.child(*node, code))) return placement;
    ++placement.known_levels;
  }
  placement.shares_with = live.items_at(*node).size();
  return placement;
}

Status save_codebooks(const std::string& path, const Codebooks& codebooks, MatrixView<const Code> codes) {
  PENCHANT_CHECK(codes.rows() == 0 || codes.cols() == codebooks.levels(), "codes [n, L]");
  artifact::SafeTensorsWriter writer;
  for (std::size_t l = 0; l < codebooks.levels(); ++l)
    writer.add(tensor_name(l), MatrixView<const float>(codebooks.codeword(l, 0).data(), codebooks.codebook(l),
                                                       codebooks.dim()));
  writer.add("codes", codes);
  if (const auto& encoder = codebooks.encoder())
    for (std::size_t k = 0; k < encoder->layers().size(); ++k) {
      writer.add(layer_name(k) + ".weight", encoder->layers()[k].weight.view());
      writer.add(layer_name(k) + ".bias", std::span<const float>(encoder->layers()[k].bias));
    }
  return writer.write(path);
}

Result<StoredCodes> load_codebooks(const std::string& path, const ExpectedCodebooks& expected) {
  PENCHANT_TRY(file, artifact::SafeTensors::open(path));
  PENCHANT_TRY(codes, file.matrix_u16("codes"));
  const std::size_t levels = codes.cols();
  if (levels == 0 || levels > kMaxLevels || (expected.levels != 0 && levels != expected.levels))
    return corrupt(
        path + ": codes has " + std::to_string(levels) + " levels, expected " +
        (expected.levels ? std::to_string(expected.levels) : "1 to " + std::to_string(kMaxLevels)));
  if (expected.items != 0 && codes.rows() != expected.items)
    return corrupt(path + ": codes has " + std::to_string(codes.rows()) + " rows for " +
                   std::to_string(expected.items) + " items");
  PENCHANT_TRY(encoder, load_encoder(file, path, expected.dim));
  std::vector<Matrix<float>> books;
  for (std::size_t l = 0; l < levels; ++l) {
    PENCHANT_TRY(book, file.matrix_f32(tensor_name(l)));
    if (expected.dim != 0 && !encoder && book.cols() != expected.dim)
      return corrupt(path + ": " + tensor_name(l) + " has shape " + shape(book.rows(), book.cols()) +
                     ", expected " + std::to_string(expected.dim) + " columns");
    books.push_back(copy_of(book));
  }
  auto built = Codebooks::create(std::move(books), std::move(encoder));
  if (!built.ok()) return corrupt(path + ": " + built.error().message);
  StoredCodes stored{std::move(built).value(), Matrix<Code>(codes.rows(), levels)};
  if (expected.codebook != 0 && stored.codebooks.codebook() != expected.codebook)
    return corrupt(path + ": the largest codebook has " + std::to_string(stored.codebooks.codebook()) +
                   " codewords, expected " + std::to_string(expected.codebook));
  if (const auto fits = stored.codebooks.check_codes(codes); !fits.ok())
    return corrupt(path + ": " + fits.error().message);
  for (std::size_t i = 0; i < codes.rows(); ++i) std::ranges::copy(codes.row(i), stored.codes.row(i).begin());
  return stored;
}

}  // namespace penchant::semantic_id
