// Draws the sample pictures of the project's own digit example: 28 x 28 grey PNG files, white on black, models/digits/<digit>_<k>.png, and
// the list file models/digits.txt (`path label` a line).
//
// The problem: the example needs pictures that may be shipped with it. The idea: write each digit as a person does, as one or two pen
// strokes made of cubic Bezier curves; vary the hand (slant, turn, proportions, wobble of each point, pen width); then prepare the picture
// as the MNIST data was prepared: the digit fills a box of 20 x 20 pixels and its centre of mass lies in the picture's centre.
//
// The pictures are committed, so the same bytes must come out of every build: the generator of random numbers is our own, and the
// arithmetic is only + - * / and sqrt, which IEEE 754 rounds in one way (compile with -ffp-contract=off). A test draws them again and
// compares.
//
//   draw_digits MODELS_FOLDER [PICTURES_A_DIGIT]
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#include <stb/stb_image_write.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace {

constexpr int side = 28;          // pixels of a picture's side
constexpr double box = 20.0;      // pixels of the digit's longer side, pen included
constexpr double centre = 14.0;   // where the centre of mass goes
constexpr int curve_pieces = 16;  // straight pieces a curve is drawn with

struct Point {
    double x, y;  // x to the right, y downwards
};

// A stroke: a start, then three points a curve (two handles and the end).
using Stroke = std::vector<Point>;
using Shape = std::vector<Stroke>;
using Picture = std::array<uint8_t, side * side>;

// splitmix64 (Steele, Lea, Flood 2014).
class Random {
public:
    explicit Random(uint64_t seed) : state_(seed) {}
    uint64_t next() {
        uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return z ^ (z >> 31);
    }
    // Uniform in [low, high).
    double between(double low, double high) { return low + (high - low) * (static_cast<double>(next() >> 11) / 9007199254740992.0); }

private:
    uint64_t state_;
};

// A straight line written as a curve, so that every stroke is of one kind.
void line_to(Stroke& stroke, Point end) {
    const Point start = stroke.back();
    stroke.push_back({start.x + (end.x - start.x) / 3, start.y + (end.y - start.y) / 3});
    stroke.push_back({start.x + (end.x - start.x) * 2 / 3, start.y + (end.y - start.y) * 2 / 3});
    stroke.push_back(end);
}

Stroke lines(const std::vector<Point>& points) {
    Stroke stroke{points.front()};
    for (size_t i = 1; i < points.size(); ++i) line_to(stroke, points[i]);
    return stroke;
}

// The ways in which each digit is written, in a box of about 1 x 1.
const std::array<std::vector<Shape>, 10>& shapes() {
    // clang-format off
    static const std::array<std::vector<Shape>, 10> all = {{
        // 0: one closed oval, begun at the top
        {{{{0.52, 0.00}, {0.20, 0.00}, {0.10, 0.30}, {0.10, 0.52}, {0.10, 0.80}, {0.26, 1.00}, {0.48, 1.00}, {0.76, 1.00}, {0.88, 0.74},
            {0.88, 0.46}, {0.88, 0.20}, {0.76, 0.00}, {0.52, 0.00}}}},
        // 1: one stroke; or with an upstroke
        {{lines({{0.50, 0.00}, {0.50, 1.00}})}, {{{0.54, 0.00}, {0.52, 0.30}, {0.48, 0.70}, {0.46, 1.00}}}, {lines({{0.36, 0.16},
            {0.54, 0.00}, {0.52, 1.00}})}},
        // 2: arc, diagonal, foot; or with a loop at the foot
        {{{{0.14, 0.24}, {0.16, 0.06}, {0.32, 0.00}, {0.50, 0.00}, {0.72, 0.00}, {0.84, 0.12}, {0.82, 0.30}, {0.80, 0.54}, {0.44, 0.76},
            {0.12, 0.98}, {0.36, 0.96}, {0.66, 0.97}, {0.90, 0.96}}}, {{{0.16, 0.16}, {0.30, 0.00}, {0.48, -0.02}, {0.62, 0.04},
            {0.86, 0.14}, {0.80, 0.40}, {0.64, 0.60}, {0.50, 0.78}, {0.34, 0.96}, {0.16, 0.94}, {0.00, 0.90}, {0.10, 0.70},
            {0.30, 0.76}, {0.52, 0.82}, {0.70, 0.98}, {0.94, 0.90}}}},
        // 3: two bows
        {{{{0.18, 0.12}, {0.32, 0.00}, {0.48, 0.00}, {0.56, 0.00}, {0.76, 0.00}, {0.86, 0.12}, {0.80, 0.26}, {0.74, 0.40}, {0.60, 0.46},
            {0.44, 0.47}, {0.66, 0.47}, {0.88, 0.56}, {0.86, 0.74}, {0.84, 0.92}, {0.62, 1.00}, {0.44, 1.00}, {0.30, 1.00},
            {0.20, 0.95}, {0.14, 0.88}}}, {{{0.14, 0.06}, {0.36, 0.00}, {0.62, -0.02}, {0.72, 0.06}, {0.84, 0.18}, {0.68, 0.38},
            {0.40, 0.44}, {0.70, 0.44}, {0.86, 0.58}, {0.82, 0.76}, {0.78, 0.94}, {0.44, 1.04}, {0.12, 0.94}}}},
        // 4: open at the top, in two strokes
        {{{{0.18, 0.02}, {0.16, 0.16}, {0.12, 0.34}, {0.12, 0.46}, {0.14, 0.58}, {0.50, 0.54}, {0.82, 0.48}}, lines({{0.80, 0.00},
            {0.70, 1.00}})}, {lines({{0.22, 0.00}, {0.10, 0.52}, {0.86, 0.50}}), lines({{0.74, 0.04}, {0.68, 1.00}})}},
        // 5: down, bow; and the bar on top
        {{lines({{0.84, 0.00}, {0.28, 0.03}}), {{0.28, 0.03}, {0.26, 0.16}, {0.24, 0.28}, {0.22, 0.42}, {0.44, 0.36}, {0.84, 0.38},
            {0.84, 0.68}, {0.84, 0.92}, {0.58, 1.00}, {0.40, 1.00}, {0.28, 1.00}, {0.20, 0.96}, {0.14, 0.90}}}, {{{0.88, 0.02},
            {0.68, 0.04}, {0.44, 0.02}, {0.32, 0.04}, {0.26, 0.16}, {0.20, 0.32}, {0.24, 0.42}, {0.34, 0.48}, {0.76, 0.48},
            {0.84, 0.66}, {0.78, 0.84}, {0.70, 1.00}, {0.36, 1.04}, {0.12, 0.94}}}},
        // 6: one sweep down into a closed bow
        {{{{0.66, 0.00}, {0.36, 0.12}, {0.16, 0.42}, {0.16, 0.70}, {0.16, 0.90}, {0.32, 1.00}, {0.48, 1.00}, {0.68, 1.00}, {0.80, 0.88},
            {0.80, 0.74}, {0.80, 0.60}, {0.70, 0.52}, {0.54, 0.52}, {0.36, 0.52}, {0.22, 0.62}, {0.18, 0.78}}}, {{{0.52, 0.00},
            {0.30, 0.20}, {0.18, 0.50}, {0.20, 0.76}, {0.22, 0.94}, {0.36, 1.00}, {0.50, 1.00}, {0.72, 1.00}, {0.82, 0.84},
            {0.76, 0.70}, {0.70, 0.56}, {0.40, 0.56}, {0.22, 0.74}}}},
        // 7: bar and diagonal
        {{lines({{0.14, 0.06}, {0.84, 0.04}, {0.42, 1.00}})}, {{{0.12, 0.14}, {0.20, 0.02}, {0.56, 0.06}, {0.82, 0.02}, {0.80, 0.24},
            {0.54, 0.60}, {0.46, 1.00}}}},
        // 8: one crossing stroke
        {{{{0.74, 0.12}, {0.66, 0.02}, {0.58, 0.00}, {0.48, 0.00}, {0.30, 0.00}, {0.20, 0.12}, {0.24, 0.24}, {0.30, 0.42}, {0.78, 0.56},
            {0.80, 0.78}, {0.82, 0.92}, {0.66, 1.00}, {0.48, 1.00}, {0.30, 1.00}, {0.18, 0.92}, {0.20, 0.78}, {0.24, 0.56},
            {0.72, 0.40}, {0.76, 0.22}, {0.77, 0.17}, {0.76, 0.14}, {0.74, 0.12}}}},
        // 9: closed bow, then the stem
        {{{{0.80, 0.24}, {0.78, 0.08}, {0.66, 0.00}, {0.50, 0.00}, {0.30, 0.00}, {0.18, 0.12}, {0.18, 0.28}, {0.18, 0.44}, {0.30, 0.52},
            {0.46, 0.52}, {0.64, 0.52}, {0.76, 0.42}, {0.80, 0.24}, {0.80, 0.52}, {0.74, 0.80}, {0.66, 1.00}}}, {{{0.76, 0.10},
            {0.56, -0.06}, {0.26, 0.02}, {0.20, 0.26}, {0.16, 0.48}, {0.42, 0.54}, {0.60, 0.42}, {0.68, 0.34}, {0.74, 0.22},
            {0.78, 0.08}, {0.76, 0.40}, {0.74, 0.70}, {0.72, 1.00}}}},
    }};
    // clang-format on
    return all;
}

struct Segment {
    Point a, b;
};

std::vector<Segment> flatten(const Shape& shape) {
    std::vector<Segment> segments;
    for (const Stroke& stroke : shape) {
        for (size_t i = 0; i + 3 < stroke.size(); i += 3) {
            Point last = stroke[i];
            for (int k = 1; k <= curve_pieces; ++k) {
                const double t = static_cast<double>(k) / curve_pieces, u = 1 - t;
                const double c0 = u * u * u, c1 = 3 * u * u * t, c2 = 3 * u * t * t, c3 = t * t * t;
                const Point p = {c0 * stroke[i].x + c1 * stroke[i + 1].x + c2 * stroke[i + 2].x + c3 * stroke[i + 3].x,
                                 c0 * stroke[i].y + c1 * stroke[i + 1].y + c2 * stroke[i + 2].y + c3 * stroke[i + 3].y};
                segments.push_back({last, p});
                last = p;
            }
        }
    }
    return segments;
}

double distance(Point p, const Segment& s) {
    const double dx = s.b.x - s.a.x, dy = s.b.y - s.a.y;
    const double length2 = dx * dx + dy * dy;
    double t = length2 > 0 ? ((p.x - s.a.x) * dx + (p.y - s.a.y) * dy) / length2 : 0;
    t = std::clamp(t, 0.0, 1.0);
    const double ex = p.x - (s.a.x + t * dx), ey = p.y - (s.a.y + t * dy);
    return std::sqrt(ex * ex + ey * ey);
}

// Ink of a round pen of this radius: full inside, fading over one pixel at the edge.
Picture draw(const std::vector<Segment>& segments, double radius, Point shift) {
    Picture picture{};
    for (int y = 0; y < side; ++y) {
        for (int x = 0; x < side; ++x) {
            const Point p = {x + 0.5 - shift.x, y + 0.5 - shift.y};
            double nearest = 1e9;
            for (const Segment& s : segments) nearest = std::min(nearest, distance(p, s));
            const double ink = std::clamp(radius + 0.5 - nearest, 0.0, 1.0);
            picture[y * side + x] = static_cast<uint8_t>(std::floor(ink * 255 + 0.5));
        }
    }
    return picture;
}

Point centre_of_mass(const Picture& picture) {
    double mass = 0, mx = 0, my = 0;
    for (int y = 0; y < side; ++y) {
        for (int x = 0; x < side; ++x) {
            const double m = picture[y * side + x];
            mass += m, mx += m * (x + 0.5), my += m * (y + 0.5);
        }
    }
    return {mx / mass, my / mass};
}

// One digit by one hand: wobble, proportions, slant and turn, then scaled so that ink fills the box.
Shape by_hand(Shape shape, Random& random, double radius) {
    const double wobble = 0.06;
    const double width = random.between(0.70, 1.10);
    const double slant = random.between(-0.20, 0.40);  // to the right, as most people write
    const double half = random.between(-0.08, 0.08);   // tangent of half the turn
    const double turn_cos = (1 - half * half) / (1 + half * half), turn_sin = 2 * half / (1 + half * half);
    for (Stroke& stroke : shape) {
        for (Point& p : stroke) {
            const double x = (p.x + random.between(-wobble, wobble)) * width + slant * (1 - p.y);
            const double y = p.y + random.between(-wobble, wobble);
            p = {turn_cos * x - turn_sin * y, turn_sin * x + turn_cos * y};
        }
    }
    Point low = {1e9, 1e9}, high = {-1e9, -1e9};
    for (const Segment& s : flatten(shape)) {
        for (const Point p : {s.a, s.b}) {
            low = {std::min(low.x, p.x), std::min(low.y, p.y)};
            high = {std::max(high.x, p.x), std::max(high.y, p.y)};
        }
    }
    const double scale = (box - 2 * radius) / std::max(high.x - low.x, high.y - low.y);
    for (Stroke& stroke : shape) {
        for (Point& p : stroke) {
            p = {(p.x - (low.x + high.x) / 2) * scale + centre, (p.y - (low.y + high.y) / 2) * scale + centre};
        }
    }
    return shape;
}

Picture digit_picture(int digit, int k) {
    Random random(static_cast<uint64_t>(digit) * 1000 + static_cast<uint64_t>(k) + 1);
    const std::vector<Shape>& ways = shapes()[digit];
    const double radius = random.between(1.00, 2.00);
    const std::vector<Segment> segments = flatten(by_hand(ways[k % ways.size()], random, radius));
    const Point mass = centre_of_mass(draw(segments, radius, {0, 0}));
    return draw(segments, radius, {centre - mass.x, centre - mass.y});
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2 || argc > 3) {
        std::fprintf(stderr, "usage: draw_digits MODELS_FOLDER [PICTURES_A_DIGIT]\n");
        return 1;
    }
    const std::filesystem::path folder = argv[1];
    const int count = argc > 2 ? std::atoi(argv[2]) : 12;
    std::error_code error;
    std::filesystem::create_directories(folder / "digits", error);
    std::ofstream list(folder / "digits.txt", std::ios::binary);
    for (int digit = 0; digit < 10; ++digit) {
        for (int k = 0; k < count; ++k) {
            char name[32];
            std::snprintf(name, sizeof name, "digits/%d_%02d.png", digit, k);
            const Picture picture = digit_picture(digit, k);
            if (!stbi_write_png((folder / name).c_str(), side, side, 1, picture.data(), side)) {
                std::fprintf(stderr, "draw_digits: cannot write %s\n", (folder / name).c_str());
                return 1;
            }
            list << name << ' ' << digit << '\n';
        }
    }
    list.close();
    if (!list) {
        std::fprintf(stderr, "draw_digits: cannot write %s\n", (folder / "digits.txt").c_str());
        return 1;
    }
    return 0;
}
