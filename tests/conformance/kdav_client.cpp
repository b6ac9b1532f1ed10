// An account in KDE's KDAV. Each line of stdin is a request in JSON ({"do": ...}), each line of stdout its answer:
// {"error": HTTP status or KJob's code, 0 if all went well, "text": KDE's words, and what the request asks for}.
#include <KDAV/DavCollection>
#include <KDAV/DavCollectionsFetchJob>
#include <KDAV/DavItem>
#include <KDAV/DavItemCreateJob>
#include <KDAV/DavItemDeleteJob>
#include <KDAV/DavItemModifyJob>
#include <KDAV/DavItemsFetchJob>
#include <KDAV/DavItemsListJob>
#include <KDAV/DavUrl>
#include <KDAV/EtagCache>
#include <QCoreApplication>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <iostream>
#include <memory>
#include <string>

namespace {

QUrl account; // with name and password, as KDE's own resource gives it to each job
auto seen = std::make_shared<KDAV::EtagCache>();

KDAV::DavUrl davUrl(const QString &url)
{
    QUrl full(url);
    full.setUserName(account.userName());
    full.setPassword(account.password());
    return KDAV::DavUrl(full, KDAV::CardDav);
}

QString plain(const KDAV::DavUrl &url)
{
    return url.url().toString(QUrl::RemoveUserInfo | QUrl::FullyEncoded);
}

KDAV::DavItem item(const QJsonObject &request)
{
    return KDAV::DavItem(davUrl(request["url"].toString()), QStringLiteral("text/vcard"),
                         request["data"].toString().toUtf8(), request["etag"].toString());
}

QJsonObject run(KDAV::DavJobBase &job)
{
    job.setAutoDelete(false);
    job.exec();
    const int status = job.latestResponseCode();
    return {{"error", job.error() ? (status ? status : job.error()) : 0}, {"text", job.errorString()}};
}

QJsonObject etags(const KDAV::DavItem::List &items)
{
    QJsonObject found;
    for (const auto &each : items)
        found[plain(each.url())] = each.etag();
    return found;
}

QJsonObject discover()
{
    KDAV::DavCollectionsFetchJob job(KDAV::DavUrl(account, KDAV::CardDav));
    QJsonObject answer = run(job);
    QJsonArray books;
    for (const auto &each : job.collections())
        books.append(QJsonObject{{"name", each.displayName()}, {"url", plain(each.url())}, {"ctag", each.CTag()}});
    answer["books"] = books;
    return answer;
}

QJsonObject list(const QJsonObject &request)
{
    KDAV::DavItemsListJob job(davUrl(request["url"].toString()), seen);
    QJsonObject answer = run(job);
    answer["items"] = etags(job.items());
    answer["changed"] = etags(job.changedItems());
    answer["deleted"] = QJsonArray::fromStringList(job.deletedItems());
    for (const auto &each : job.changedItems())
        seen->setEtag(each.url().toDisplayString(), each.etag());
    for (const auto &each : job.deletedItems())
        seen->removeEtag(each);
    return answer;
}

QJsonObject fetch(const QJsonObject &request)
{
    QStringList urls;
    for (const auto &each : request["urls"].toArray())
        urls.append(each.toString());
    KDAV::DavItemsFetchJob job(davUrl(request["url"].toString()), urls);
    QJsonObject answer = run(job);
    QJsonObject cards;
    for (const auto &each : job.items())
        cards[plain(each.url())] = QString::fromUtf8(each.data());
    answer["cards"] = cards;
    return answer;
}

template<typename Job>
QJsonObject write(const QJsonObject &request)
{
    Job job(item(request));
    return run(job);
}

QJsonObject answer(const QJsonObject &request)
{
    const QString what = request["do"].toString();
    if (what == "discover")
        return discover();
    if (what == "list")
        return list(request);
    if (what == "fetch")
        return fetch(request);
    if (what == "create")
        return write<KDAV::DavItemCreateJob>(request);
    if (what == "modify")
        return write<KDAV::DavItemModifyJob>(request);
    if (what == "delete")
        return write<KDAV::DavItemDeleteJob>(request);
    return {{"error", -1}, {"text", "unknown request"}};
}

} // namespace

int main(int argc, char **argv)
{
    QCoreApplication application(argc, argv);
    account = QUrl(application.arguments().at(1));
    account.setUserName(application.arguments().at(2));
    account.setPassword(application.arguments().at(3));
    for (std::string line; std::getline(std::cin, line);) {
        const auto request = QJsonDocument::fromJson(QByteArray::fromStdString(line)).object();
        std::cout << QJsonDocument(answer(request)).toJson(QJsonDocument::Compact).toStdString() << std::endl;
    }
}
