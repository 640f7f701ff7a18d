#include "listeners.hpp"

#include <streamforge/base/limits.hpp>

namespace sf::app {

namespace {

io::Task<void> make_one(std::unique_ptr<net::Listener>& listener, io::Reactor& reactor,
                        UniqueFd socket, const Listeners::Work& work,
                        std::shared_ptr<net::TlsContext> context) {
  listener = std::make_unique<net::Listener>(reactor, std::move(socket), work.handler);
  listener->use_congestion(work.congestion);
  listener->limit_addresses(work.limit, work.turn_away);
  if (context) listener->use_tls(std::move(context));
  co_return;
}

io::Task<void> start_one(net::Listener& listener, net::Spread& spread, unsigned place,
                         const std::vector<net::Listener*>& all) {
  listener.share(spread, place, all);
  listener.start();
  co_return;
}

io::Task<void> stop_one(net::Listener& listener) { co_await listener.stop_accepting(); }

io::Task<void> drain_one(std::unique_ptr<net::Listener>& listener) {
  co_await listener->drain(limits::kDrainTimeoutMs);
  listener.reset();
}

}  // namespace

void Listeners::start(std::vector<UniqueFd> sockets, const Work& work, Contexts contexts) {
  each_.resize(sockets.size());
  contexts.resize(sockets.size());
  for (std::size_t i = 0; i < each_.size(); ++i) {
    reactors_[i]->run(make_one(each_[i], reactors_[i]->reactor(), std::move(sockets[i]), work,
                               std::move(contexts[i])));
  }
  // Any of them may be given a connection once the first accepts.
  std::vector<net::Listener*> all;
  for (const auto& each : each_) all.push_back(each.get());
  for (unsigned i = 0; i < each_.size(); ++i) {
    reactors_[i]->run(start_one(*all[i], work.spread, i, all));
  }
}

void Listeners::use_tls(Contexts contexts) {
  for (std::size_t i = 0; i < each_.size(); ++i) {
    reactors_[i]->reactor().post([listener = each_[i].get(), context = std::move(contexts[i])] {
      listener->use_tls(context);
    });
  }
}

void Listeners::stop_accepting() {
  for (std::size_t i = 0; i < each_.size(); ++i) reactors_[i]->run(stop_one(*each_[i]));
}

void Listeners::drain() {
  for (std::size_t i = 0; i < each_.size(); ++i) reactors_[i]->run(drain_one(each_[i]));
}

}  // namespace sf::app
